//! Who may import whom: DESIGN section 1 as a table.
//!
//! It must never be loosened for convenience: a new direction is a decision about the whole.

use std::collections::BTreeSet;

use crate::source::{code_lines, root, rust_files};

/// A module and what it may import beside itself, `error`, `failpoint` and `domain`. A module that is not named here is a mistake.
const ALLOWED: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("failpoint", &[]),
    ("domain", &[]),
    // What decides, and what looks: plain facts in, plain facts out.
    ("judge", &[]),
    ("present", &[]),
    ("sample", &[]),
    ("config", &[]),
    ("hand", &[]),
    ("logs", &["hand"]),
    ("storage", &["hand"]),
    ("supervisor", &["hand"]),
    ("registry", &[]),
    ("provision", &[]),
    ("deploy", &[]),
    ("probe", &[]),
    ("nearby", &[]),
    ("discover", &["config", "hand", "supervisor"]),
    // What came of an action is worded as every presenter words it.
    ("control", &["supervisor", "sample", "logs", "hand", "provision", "registry", "present"]),
    // It writes by way of `control`, as whoever acts does, and words as every presenter does.
    ("chronicle", &["config", "control", "hand", "present", "supervisor"]),
    ("engine", &["config", "control", "discover", "hand", "judge", "nearby", "probe", "registry", "sample", "storage", "supervisor"]),
    (
        "link",
        &[
            "chronicle",
            "config",
            "control",
            "deploy",
            "discover",
            "engine",
            "hand",
            "judge",
            "logs",
            "nearby",
            "registry",
            "sample",
            "storage",
            "supervisor",
        ],
    ),
    // Presenters come in by the one door.
    ("tui", &["config", "link", "present"]),
    ("cli", &["config", "demo", "deploy", "link", "present", "tui"]),
    ("daemon", &["config", "deploy", "link", "present"]),
    ("demo", &["config", "hand", "link"]),
    // In no program: the list of what is fuzzed, each in its own module.
    ("fuzz", &["config", "demo", "discover", "hand", "logs", "probe", "sample", "storage", "supervisor", "tui"]),
];

/// `main` wires everything, `lib` only names the modules.
const EXEMPT: &[&str] = &["main", "lib", "patience"];

#[test]
fn modules_import_only_what_they_may() {
    let modules = modules();
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let module = module_of(&file.path);
        if EXEMPT.contains(&module) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: module `{module}` has no line in the table of tests/tidy/imports.rs", file.path));
            continue;
        };
        let code: String = code_lines(&file.text).map(|(_, line)| format!("{line}\n")).collect();
        for import in imports(&code, depth(&file.path), &modules) {
            if import != module && !matches!(import.as_str(), "error" | "domain" | "failpoint") && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: `{module}` may not import `{import}`", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The names of the modules below `src`.
fn modules() -> BTreeSet<String> {
    rust_files("src").iter().map(|file| module_of(&file.path).to_owned()).filter(|name| !EXEMPT.contains(&name.as_str())).collect()
}

fn module_of(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
}

/// How many modules deep a file's own module lies: 1 for `src/logs/mod.rs` and `src/error.rs`.
fn depth(path: &str) -> usize {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below.split('/').count() - usize::from(below.ends_with("/mod.rs"))
}

/// The top-level modules that a text imports: after `crate::`, in the braces after it, and by climbing to the top with `super::`.
fn imports(code: &str, depth: usize, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (index, _) in code.match_indices("crate::") {
        // `$crate::` and `xcrate::` are not this crate's paths; the first one is in macros only.
        if !code[..index].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            found.extend(heads(&code[index + "crate::".len()..]).into_iter().filter(|name| modules.contains(name)));
        }
    }
    let climb = "super::".repeat(depth);
    for (index, _) in code.match_indices(&climb) {
        found.extend(heads(&code[index + climb.len()..]).into_iter().filter(|name| modules.contains(name)));
    }
    found
}

/// The first names of a path, or of every path of the braces that it begins with.
fn heads(path: &str) -> Vec<String> {
    let identifier = |text: &str| text.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![identifier(path)] };
    let mut names = Vec::new();
    let mut level = 0;
    let mut start = 0;
    for (index, character) in group.char_indices() {
        match character {
            '{' => level += 1,
            '}' if level > 0 => level -= 1,
            ',' | '}' if level == 0 => {
                names.push(identifier(group[start..index].trim_start()));
                start = index + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

#[test]
fn the_table_names_modules_that_it_knows() {
    for (module, allowed) in ALLOWED {
        for name in *allowed {
            assert!(ALLOWED.iter().any(|(known, _)| known == name), "{module} may import {name}, which is not in the table");
        }
    }
    assert!(root().join("src/lib.rs").exists());
}

#[test]
fn every_way_of_importing_is_seen() {
    let modules: BTreeSet<String> = ["logs", "link", "tui", "domain"].map(str::to_owned).into();
    let seen = |code: &str, depth| imports(code, depth, &modules).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(seen("use crate::link::Door;", 1), "link");
    assert_eq!(seen("use crate::{domain::{Row, link}, logs::x,\n tui};", 1), "domain logs tui");
    assert_eq!(seen("let a = crate::tui::run();", 2), "tui");
    assert_eq!(seen("use super::super::tui;", 2), "tui");
    assert_eq!(seen("use super::tui;", 2), "");
    assert_eq!(seen("use super::tui;", 1), "tui");
    assert_eq!(depth("src/logs/mod.rs"), 1);
    assert_eq!(depth("src/logs/ring.rs"), 2);
    assert_eq!((module_of("src/error.rs"), module_of("src/logs/ring.rs")), ("error", "logs"));
}
