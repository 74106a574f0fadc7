//! Asking before something is done to instances that were not named.
//!
//! It must never take anything but a clear yes for one: an empty line, an end of file and a mistake are a no.

use std::io::{self, BufRead, Write};

use super::select::Chosen;
use crate::domain::{Target, Verb};

/// How many are named before the rest is only counted.
const NAMED: usize = 12;

/// "Stop 3 instances? alice (pid 2211), bob/tools (pid 3307), carol [y/N] "
pub fn question(verb: Verb, chosen: &[Chosen]) -> String {
    let mut word = verb.word().to_owned();
    if let Some(first) = word.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut names: Vec<String> = chosen
        .iter()
        .take(NAMED)
        .map(|chosen| match chosen.target {
            Target::Exactly(key) => format!("{} ({key})", chosen.id),
            Target::Nothing | Target::Whatever => chosen.id.to_string(),
        })
        .collect();
    if chosen.len() > NAMED {
        names.push(format!("and {} more", chosen.len() - NAMED));
    }
    let plural = if chosen.len() == 1 { "" } else { "s" };
    format!("{word} {} instance{plural}? {} [y/N] ", chosen.len(), names.join(", "))
}

/// Asks and reads one line.
///
/// # Errors
/// When the question cannot be put or the answer not be read.
pub fn confirm(question: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<bool> {
    output.write_all(question.as_bytes())?;
    output.flush()?;
    let mut answer = String::new();
    if input.read_line(&mut answer)? == 0 {
        // The cursor stands behind the question.
        output.write_all(b"\n")?;
    }
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceId, ProcessKey};

    fn chosen(count: usize) -> Vec<Chosen> {
        let key = ProcessKey { pid: 2211, start_time: 1 };
        (0..count)
            .map(|at| Chosen {
                id: InstanceId::parse(&format!("user{at}")).unwrap(),
                target: if at == 0 { Target::Exactly(key) } else { Target::Nothing },
            })
            .collect()
    }

    #[test]
    fn the_question_names_what_will_be_hit() {
        assert_eq!(question(Verb::Stop, &chosen(1)), "Stop 1 instance? user0 (pid 2211) [y/N] ");
        assert_eq!(question(Verb::Restart, &chosen(2)), "Restart 2 instances? user0 (pid 2211), user1 [y/N] ");
        assert!(question(Verb::Start, &chosen(40)).ends_with("user11, and 28 more [y/N] "));
    }

    #[test]
    fn only_a_clear_yes_is_one() {
        for (answer, expected) in
            [("y\n", true), ("YES\n", true), (" y \n", true), ("\n", false), ("", false), ("n\n", false), ("yy\n", false)]
        {
            let mut shown = Vec::new();
            assert_eq!(confirm("Sure? ", &mut answer.as_bytes(), &mut shown).unwrap(), expected, "{answer:?}");
            assert!(shown.starts_with(b"Sure? "));
        }
    }
}
