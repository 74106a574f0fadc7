//! What lies where: the top level, the length of files, their opening words, and no file that no one declares.
//!
//! It must never look into build directories.

use std::process::Command;

use crate::source::{code_lines, root, rust_files};

/// The longest file, tests in it included.
const LONGEST: usize = 400;

/// What may lie at the top level beside dot-files.
const TOP: &[&str] = &["Cargo.toml", "Cargo.lock", "README.md", "LICENSE", "src", "themes", "tests"];

#[test]
fn the_top_level_holds_only_what_is_allowed() {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let names: Vec<String> = match listed {
        Ok(output) if output.status.success() => {
            output.stdout.split(|byte| *byte == 0).map(|path| String::from_utf8_lossy(path).split('/').next().unwrap().to_owned()).collect()
        }
        // Unpacked from an archive there is no index; then it is what lies there, without what the build made.
        _ => std::fs::read_dir(root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name != "target")
            .collect(),
    };
    let wrong: Vec<_> = names.iter().filter(|name| !name.is_empty() && !name.starts_with('.') && !TOP.contains(&name.as_str())).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_file_is_too_long() {
    let wrong: Vec<_> = all()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > LONGEST)
        .map(|(path, text)| format!("{path}: {}", text.lines().count()))
        .collect();
    assert!(wrong.is_empty(), "over {LONGEST} lines:\n{}\n", wrong.join("\n"));
}

#[test]
fn every_module_opens_with_its_job() {
    let wrong: Vec<_> = all().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path).collect();
    assert!(wrong.is_empty(), "they do not open with `//!`: {wrong:?}");
}

#[test]
fn no_file_is_forgotten() {
    let files = all();
    let cargo = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    // The fuzzers are a package of their own, so that nothing else needs what they are built with.
    let fuzzers = std::fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).unwrap();
    let mut wrong = Vec::new();
    for (path, _) in &files {
        let (folder, name) = path.rsplit_once('/').unwrap();
        // A target's root is declared in Cargo.toml; src/lib.rs and src/main.rs among them.
        let is_fuzzer = path.strip_prefix("tests/fuzz/").is_some_and(|path| fuzzers.contains(&format!("path = \"{path}\"")));
        if is_fuzzer || cargo.contains(&format!("path = \"{path}\"")) {
            continue;
        }
        let (parent, module) = match (name, folder.rsplit_once('/')) {
            ("mod.rs", Some((parent, module))) => (parent, module),
            _ => (folder, name.trim_end_matches(".rs")),
        };
        // Declared by a file beside it, by the file named as its folder, or by its path, as what several targets share.
        let declares = |text: &str| code_lines(text).any(|(_, line)| line.trim_end().ends_with(&format!("mod {module};")));
        let by_path = format!("#[path = \"{name}\"]");
        let declared = files.iter().any(|(other, text)| {
            let near = other.rsplit_once('/').is_some_and(|(other, _)| other == parent) || *other == format!("{parent}.rs");
            (near && other != path && (declares(text) || text.contains(&by_path)))
                || text.contains(&format!("/{}/{name}\"]", folder.rsplit('/').next().unwrap()))
                || other
                    .rsplit_once('/')
                    .is_some_and(|(other, _)| other.starts_with(folder) && text.contains(&format!("#[path = \"../{name}\"]")))
        });
        if !declared {
            wrong.push(path.clone());
        }
    }
    assert!(wrong.is_empty(), "no module declares them: {wrong:?}");
}

fn all() -> Vec<(String, String)> {
    ["src", "tests"].into_iter().flat_map(rust_files).map(|file| (file.path, file.text)).collect()
}
