//! The project's own text: its files, and what a file says when its comments are left out.
//!
//! It must never look at what is built or generated.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file of the project.
pub struct SourceFile {
    /// Its path below the repository, with `/` between.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below one folder of the repository, in the order of their paths.
pub fn rust_files(folder: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .map(|path| SourceFile {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The lines that are not comments, with their numbers, what follows `//` left out.
pub fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, without_comment(line))).filter(|(_, line)| !line.trim().is_empty())
}

/// The code that goes into the program: what stands before a file's own tests, and nothing of a file of tests.
pub fn program_lines(file: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let is_tests = file.path.ends_with("tests.rs") || !file.path.starts_with("src/");
    let end = if is_tests { 0 } else { file.text.find("#[cfg(test)]\nmod tests {").unwrap_or(file.text.len()) };
    code_lines(&file.text[..end])
}

/// `//` begins a comment unless it stands in a string, as in `http://`. A quote that is left open in a line is taken for a string's.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut escaped = false;
    for (index, character) in line.char_indices() {
        match character {
            '"' if !escaped => in_string = !in_string,
            '/' if !in_string && line[index..].starts_with("//") => return &line[..index],
            _ => {}
        }
        escaped = character == '\\' && !escaped;
    }
    line
}

/// Whether `word` stands in `line` with nothing of an identifier before it.
pub fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(index, _)| !line[..index].ends_with(|before: char| before.is_alphanumeric() || before == '_'))
}

#[test]
fn comments_are_told_from_strings() {
    assert_eq!(without_comment("let a = 1; // println!"), "let a = 1; ");
    assert_eq!(without_comment("let a = \"http://x\"; // y"), "let a = \"http://x\"; ");
    assert_eq!(without_comment("//! doc"), "");
    assert!(says("  println!(\"x\")", "println!") && !says("eprintln!()", "println!"));
}
