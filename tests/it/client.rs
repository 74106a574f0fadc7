//! `berth client` from outside: what stands on standard output is what the client reads, whatever state the instance is in.
//!
//! It must never start a client.

use serde_json::{Value, json};

use crate::actions::Tree;

#[test]
fn the_entry_alone_is_printed_and_what_to_know_beside_it() {
    let tree = Tree::new(&["zoe"]);
    let url = format!("http://127.0.0.1:{}/mcp", tree.ports[0]);
    let (code, out, errors) = tree.berth(&["client", "zoe", "--for", "claude-code"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({ "mcpServers": { "zoe": { "type": "http", "url": url } } }));
    assert!(errors.contains("zoe is stopped: berth --config ") && errors.contains(" start zoe has it answer on the same port"), "{errors}");
    let (_, out, _) = tree.berth(&["client", "zoe", "--for", "codex"]);
    assert_eq!(toml::from_str::<Value>(&out).unwrap(), json!({ "mcp_servers": { "zoe": { "url": url } } }));

    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let (code, out, errors) = tree.berth(&["client", "zoe", "--for", "cursor"]);
    assert_eq!((code, errors.contains("stopped")), (0, false), "{errors}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({ "mcpServers": { "zoe": { "url": url } } }));
}

#[test]
fn what_cannot_be_printed_is_said_with_the_way_out() {
    let tree = Tree::new(&["zoe"]);
    tree.configure("zoe", "{\"host\": \"127.0.0.1\"}");
    let (code, out, errors) = tree.berth(&["client", "zoe", "--for", "vscode"]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(errors.contains("zoe's port is not known") && errors.contains("show zoe"), "{errors}");
    let (code, _, errors) = tree.berth(&["client", "zoe", "--for", "emacs"]);
    assert_eq!(code, 2);
    assert!(errors.contains("claude-code, claude-desktop, vscode, cursor, codex"), "{errors}");
    let (code, _, errors) = tree.berth(&["client", "zoo", "--for", "vscode"]);
    assert_eq!((code, errors.contains("is zoe meant?")), (4, true), "{errors}");
}

#[test]
fn the_key_is_named_and_never_printed() {
    let tree = Tree::with(&["zoe"], "environment = { MCP_API_KEY = \"hunter2\" }");
    for client in ["claude-code", "claude-desktop", "vscode", "cursor", "codex"] {
        let (code, out, errors) = tree.berth(&["client", "zoe", "--for", client]);
        assert_eq!(code, 0, "{client} {errors}");
        assert!(out.contains("MCP_API_KEY") && errors.contains("MCP_API_KEY"), "{client}: {out}{errors}");
        assert!(!out.contains("hunter2") && !errors.contains("hunter2"), "{client}");
        // As a document, too.
        let document: Value = serde_json::from_str(&tree.berth(&["--json", "client", "zoe", "--for", client]).1).unwrap();
        assert_eq!((&document["schema"], &document["text"], &document["key_variable"]), (&json!(1), &json!(out), &json!("MCP_API_KEY")));
    }
}

#[test]
fn a_file_that_starts_a_second_server_is_told() {
    let tree = Tree::new(&["zoe"]);
    let config = tree.path().join("users/zoe/config/config.json");
    let file = tree.path().join("mcp.json");
    let entry = json!({ "mcpServers": { "mine": { "command": "node", "args": ["main.js", format!("--config={}", config.display())] } } });
    std::fs::write(&file, entry.to_string()).unwrap();
    let words = ["client", "zoe", "--for", "claude-desktop", "--check", file.to_str().unwrap()];
    let (code, out, errors) = tree.berth(&words);
    assert_eq!(code, 1, "{errors}");
    assert!(out.starts_with("mine: starts a second server of zoe"), "{out}");
    let (_, own, _) = tree.berth(&words[..4]);
    std::fs::write(&file, own).unwrap();
    let (code, out, errors) = tree.berth(&words);
    assert_eq!(code, 0, "{out}{errors}");
}
