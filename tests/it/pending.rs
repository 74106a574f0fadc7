//! restart-pending from outside: a running instance's files are changed, and what differs is told, without the secret.
//!
//! It must never wait for a time to pass: it asks until it is told.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::actions::{BERTH, Tree};

const SECRET: &str = "hunter2-and-more";

/// The evidence of restart-pending, where there is such a finding.
fn pending(tree: &Tree) -> Option<String> {
    let (_, text, errors) = tree.berth(&["--json", "check"]);
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {errors}"));
    let findings = document["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == "restart-pending")?;
    assert_eq!((&found["level"], &found["remedies"][0]), (&"note".into(), &"restart".into()), "{found:#}");
    Some(found["evidence"].as_str().unwrap().to_owned())
}

fn write(tree: &Tree, name: &str, key: &str) {
    let port = tree.ports[0];
    tree.configure("zoe", &format!("{{\"port\": {port}, \"host\": \"127.0.0.1\", \"serverName\": \"{name}\", \"apiKey\": \"{key}\"}}"));
}

#[test]
fn what_differs_is_told_without_the_secret_until_it_is_restarted() {
    let tree = Tree::new(&["zoe"]);
    write(&tree, "before", SECRET);
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    assert_eq!(pending(&tree), None);
    // The same words written once more are no difference.
    write(&tree, "before", SECRET);
    assert_eq!(pending(&tree), None);

    write(&tree, "after", &format!("{SECRET}-too"));
    let evidence = pending(&tree).unwrap();
    assert!(evidence.starts_with("config.json changed at ") && evidence.contains("after zoe's instance was started"), "{evidence}");
    assert!(evidence.ends_with(": apiKey changed (hidden), serverName before -> after"), "{evidence}");
    for words in [&["show", "zoe"][..], &["--json", "show", "zoe"], &["check"], &["--json", "ls"]] {
        let (_, out, errors) = tree.berth(words);
        assert!(out.contains("restart-pending"), "{words:?} {out}");
        assert!(!out.contains("hunter2") && !errors.contains("hunter2"), "{words:?} {out} {errors}");
    }
    let record = std::fs::read_to_string(tree.path().join("state/instances/zoe+default.jsonl")).unwrap();
    assert!(record.contains("serverName") && !record.contains("hunter2"), "{record}");

    assert_eq!(tree.berth(&["restart", "zoe"]).0, 0);
    assert_eq!(pending(&tree), None);
}

#[test]
fn another_command_in_the_template_is_told() {
    let tree = Tree::new(&["zoe"]);
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let environment = "environment = { MCP_API_KEY = \"hunter2\", LEVEL = \"debug\" }";
    // The template stands last before it, whatever else it says.
    let changed = text.replacen("[[discover]]", &format!("{environment}\n[[discover]]"), 1);
    assert_ne!(changed, text);
    std::fs::write(tree.config(), changed).unwrap();
    let evidence = pending(&tree).unwrap();
    assert!(evidence.starts_with("the template changed after zoe's instance was started: environment LEVEL added (debug)"), "{evidence}");
    assert!(evidence.contains("MCP_API_KEY added (hidden)") && !evidence.contains("hunter2"), "{evidence}");
}

#[test]
fn a_program_that_was_replaced_is_told() {
    let tree = Tree::new(&["zoe"]);
    // A word of the command that is a file, relative to the directory, as in `node src/main.js`: here the server takes no notice of it.
    let program = tree.path().join("main.js");
    std::fs::write(&program, "one").unwrap();
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let (words, more) = ("\"demo-server\", \"--config={config}\"", "\"demo-server\", \"--config={config}\", \"main.js\"");
    std::fs::write(tree.config(), text.replace(words, more)).unwrap();
    let (code, out, errors) = tree.berth(&["start", "zoe"]);
    assert_eq!(code, 0, "{out}{errors}");
    assert_eq!(pending(&tree), None);
    std::fs::write(&program, "another").unwrap();
    let evidence = pending(&tree).unwrap();
    assert!(evidence.starts_with(&format!("{} changed at ", program.display())), "{evidence}");
    assert_eq!(tree.berth(&["restart", "zoe"]).0, 0);
    assert_eq!(pending(&tree), None);
}

/// A server that nobody but this test started.
struct Stranger(Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn of_one_that_berth_did_not_start_the_newer_file_is_told() {
    let tree = Tree::new(&["zoe"]);
    write(&tree, "before", SECRET);
    let config = tree.path().join("users/zoe/config/config.json");
    let mut command = Command::new(BERTH);
    command
        .arg("demo-server")
        .arg(format!("--config={}", config.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _stranger = Stranger(command.spawn().unwrap());
    tree.until("zoe", |row| row["state"] == "running");
    assert_eq!(pending(&tree), None);
    // A time ahead of the clock says nothing.
    let ahead = std::time::SystemTime::now() + Duration::from_secs(86_400);
    std::fs::File::options().write(true).open(&config).unwrap().set_modified(ahead).unwrap();
    assert_eq!(pending(&tree), None);
    let begun = Instant::now();
    let evidence = loop {
        write(&tree, "after", SECRET);
        if let Some(evidence) = pending(&tree) {
            break evidence;
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
    };
    assert!(evidence.starts_with("config.json changed at ") && evidence.ends_with("because berth did not start it"), "{evidence}");
}
