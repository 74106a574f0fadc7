//! A word as a POSIX shell has to read it, so that a command that is copied means what was seen.
//!
//! It must never leave a character to the shell's own reading.

/// What no shell reads as anything but itself, in any place of a word but the first.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-./:@%+,".contains(character)
}

/// The word, in quotes where it needs them.
pub fn shell(word: &str) -> String {
    // A NUL ends the argument, exec(3): nothing can carry one.
    let word: String = word.chars().filter(|character| *character != '\0').collect();
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    // Within single quotes nothing has a meaning but the quote itself, POSIX 2.2.2.
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Words as one line.
pub fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(shell).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Reads a line as POSIX 2.2 has it: quotes, backslashes, blanks between words.
    fn split(line: &str) -> Vec<String> {
        let (mut words, mut word, mut inside) = (Vec::new(), None::<String>, false);
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => {
                    inside = !inside;
                    word.get_or_insert_default();
                }
                _ if inside => word.get_or_insert_default().push(character),
                '\\' => word.get_or_insert_default().extend(characters.next()),
                ' ' | '\t' | '\n' => words.extend(word.take()),
                _ => word.get_or_insert_default().push(character),
            }
        }
        words.extend(word);
        words
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_read_again(words in prop::collection::vec("[^\0]{0,12}", 1..6)) {
            prop_assert_eq!(split(&line(words.iter().map(String::as_str))), words);
        }
    }

    #[test]
    fn a_real_shell_reads_the_same() {
        let words =
            ["it's", "", "a b", "$HOME `id` $(id)", "-n", "~", "*", "#x", "a\nb", "\\", "'\\''", "!!", "é日", "x=1", "{a,b}", "\u{1b}[0m"];
        let script = format!("printf '%s\\0' {}", line(words));
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        let read: Vec<&str> = std::str::from_utf8(&output.stdout).unwrap().split_terminator('\0').collect();
        assert_eq!(read, words);
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        assert_eq!(
            line(["berth", "restart", "alice", "bob/tools", "--reason", "out of memory"]),
            "berth restart alice bob/tools --reason 'out of memory'"
        );
    }
}
