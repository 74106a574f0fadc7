//! What is never written in this project's code.
//!
//! The words are put together here from halves, so that this file does not find itself.

use crate::source::{code_lines, program_lines, rust_files, says};

/// Modules that talk on standard output and standard error: the rest hands its words to them.
const MAY_PRINT: &[&str] = &["src/cli/", "src/cli.rs", "src/demo/", "src/main.rs"];

/// Where the program itself, its tests left out, says one of the words.
fn find_in_program(words: &[&str], except: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust_files("src").iter().filter(|file| !except.iter().any(|prefix| file.path.starts_with(prefix))) {
        for (number, line) in program_lines(file) {
            found.extend(words.iter().filter(|word| says(line, word)).map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    found
}

fn find(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in rust_files(folder) {
        for (number, line) in code_lines(&file.text) {
            found.extend(words.iter().filter(|word| says(line, word)).map(|word| format!("{}:{number}: {word}", file.path)));
        }
    }
    found
}

#[test]
fn no_shell_is_ever_started() {
    // A program gets its arguments as a list: what a user wrote is never a shell's to read.
    let words = [
        concat!("Command::new(\"s", "h\")"),
        concat!("Command::new(\"ba", "sh\")"),
        concat!("\"/bin/s", "h\""),
        concat!("\"/bin/ba", "sh\""),
    ];
    let found = find_in_program(&words, &[]);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    // In the console a stray line breaks the screen; elsewhere it is text that did not go through `Shown`.
    let words = [concat!("print", "ln!"), concat!("eprint", "ln!"), concat!("print", "!("), concat!("eprint", "!("), concat!("db", "g!(")];
    let found = find_in_program(&words, MAY_PRINT);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let words = [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("#[ig", "nore"), concat!("assert!(tr", "ue)")];
    let mut found = find("src", &words);
    found.extend(find("tests", &words));
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_thread_can_be_made_to_panic() {
    let begins = ["thread::Builder", "thread::spawn(", "spawn_blocking(", "scope.spawn("];
    // A keeper's environment is empty: nothing in it can be told to fail.
    let except = ["src/supervisor/process/rotate/", "src/cli/fake.rs"];
    let mut wrong = Vec::new();
    for file in rust_files("src").iter().filter(|file| !except.iter().any(|prefix| file.path.starts_with(prefix))) {
        let count = |words: &[&str]| {
            program_lines(file).map(|(_, line)| words.iter().map(|word| line.matches(word).count()).sum::<usize>()).sum::<usize>()
        };
        let (threads, places) = (count(&begins), count(&["failpoint::pass("]));
        if threads > places {
            wrong.push(format!("{}: {threads} threads, {places} failpoints", file.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
