//! What is too open on a real tree with real servers: `berth check` in words, as JSON and as SARIF, and each command that mends it.
//!
//! It must never let a credential be seen anywhere.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use super::actions::Tree;

const SECRET: &str = "canary-of-the-secret-7Qx";

/// Answers whoever asks, from wherever.
const OPEN: &str = r#"
const config = JSON.parse(require('fs').readFileSync(process.argv[2]))
require('http').createServer((question, answer) => {
    question.resume().on('end', () => {
        if (question.method !== 'POST') return answer.writeHead(404).end()
        const result = { supportedVersions: ['2026-07-28'], capabilities: {}, serverInfo: { name: 'open', version: '1' } }
        answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))
    })
}).listen(config.port, config.host)
"#;

/// Two owners with one credential, a workspace elsewhere and files that are open to everybody.
fn tree() -> Tree {
    let tree = Tree::new(&["al", "alice"]);
    fs::set_permissions(tree.path(), Permissions::from_mode(0o755)).unwrap();
    let text = fs::read_to_string(tree.config()).unwrap();
    let command = text.lines().find(|line| line.starts_with("command = ")).unwrap().to_owned();
    let accepted = text.lines().find(|line| line.starts_with("accept = ")).unwrap().to_owned();
    let program = tree.path().join("open.js");
    fs::write(&program, OPEN).unwrap();
    let text = text.replace(&command, &format!("command = [\"node\", \"{}\", \"{{config}}\"]", program.display()));
    fs::write(tree.config(), text.replace(&accepted, "accept = []")).unwrap();
    for (owner, port, host) in [("al", tree.ports[0], "0.0.0.0"), ("alice", tree.ports[1], "127.0.0.1")] {
        tree.configure(owner, &format!("{{\"port\": {port}, \"host\": \"{host}\", \"auth\": {{\"apiKey\": \"{SECRET}\"}}}}"));
        let config = tree.path().join("users").join(owner).join("config");
        fs::set_permissions(config.join("config.json"), Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(&config, Permissions::from_mode(0o755)).unwrap();
    }
    let al = tree.path().join("users/al");
    fs::set_permissions(al.join("config/config.json"), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(al.join("config"), Permissions::from_mode(0o777)).unwrap();
    fs::remove_dir(al.join("workspace")).unwrap();
    // A prefix of whole letters is no directory.
    symlink("../alice/workspace", al.join("workspace")).unwrap();
    tree
}

fn check(tree: &Tree, words: &[&str]) -> (i32, Value) {
    let (code, text, errors) = tree.berth(words);
    assert!(!text.contains(SECRET) && !errors.contains(SECRET), "{text}{errors}");
    (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{errors}")))
}

fn codes<'a>(document: &'a Value, id: &str) -> BTreeSet<&'a str> {
    let is_about = |finding: &&Value| finding["instances"].as_array().unwrap().iter().any(|one| one == id);
    let findings = document["findings"].as_array().unwrap().iter();
    findings.filter(is_about).map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn what_is_too_open_is_told_and_mended() {
    let tree = tree();
    let (code, text, errors) = tree.berth(&["start", "al", "alice"]);
    assert_eq!(code, 0, "{text}{errors}");
    let (code, document) = check(&tree, &["--json", "check"]);
    assert_eq!(code, 1);
    let of_al = codes(&document, "al");
    for code in ["bind-public", "auth-missing", "env-readable", "config-writable", "secret-shared", "workspace-escape"] {
        assert!(of_al.contains(code), "{code}: {document:#}");
    }
    let of_alice = codes(&document, "alice");
    for code in ["bind-public", "env-readable", "config-writable", "workspace-escape"] {
        assert!(!of_alice.contains(code), "{code}: {document:#}");
    }
    assert!(of_alice.contains("auth-missing") && of_alice.contains("secret-shared"), "{document:#}");
    let root = nix::unistd::geteuid().is_root();
    assert_eq!((of_al.contains("runs-as-root"), of_alice.contains("runs-as-root")), (root, root));
    assert!(!of_al.contains("origin-unchecked"), "nobody asked for it");
    let level = |code: &str| document["findings"].as_array().unwrap().iter().find(|one| one["code"] == code).unwrap()["level"].clone();
    assert_eq!(
        (level("env-readable"), level("workspace-escape"), level("secret-shared")),
        ("error".into(), "error".into(), "warning".into())
    );

    let (_, words, _) = tree.berth(&["check"]);
    assert!(words.contains("because:") && words.contains("chmod go-rwx ") && words.contains("deploy nftables"), "{words}");
    assert!(!words.contains(SECRET));

    let (code, log) = check(&tree, &["check", "--sarif"]);
    assert_eq!((code, &log["version"]), (1, &"2.1.0".into()));
    let results = log["runs"][0]["results"].as_array().unwrap();
    let open = results.iter().find(|result| result["ruleId"] == "env-readable").unwrap();
    let uri = open["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.starts_with("file:///") && uri.ends_with("users/al/config/config.json"), "{uri}");
    let (_, again) = check(&tree, &["check", "--sarif"]);
    let prints = |log: &Value| -> BTreeSet<String> {
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["partialFingerprints"]["berthFinding/v1"].to_string()).collect()
    };
    assert_eq!(prints(&log), prints(&again));

    let (_, document) = check(&tree, &["--json", "check", "--origin"]);
    assert!(codes(&document, "al").contains("origin-unchecked"), "{document:#}");

    // Mended, it is told no more.
    let al = tree.path().join("users/al");
    fs::set_permissions(al.join("config"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(al.join("config/config.json"), Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(al.join("workspace")).unwrap();
    fs::create_dir(al.join("workspace")).unwrap();
    let (_, document) = check(&tree, &["--json", "check"]);
    let of_al = codes(&document, "al");
    for code in ["env-readable", "config-writable", "workspace-escape"] {
        assert!(!of_al.contains(code), "{code}: {document:#}");
    }
}

#[test]
fn what_the_administrator_accepts_is_no_finding() {
    let tree = tree();
    let text = fs::read_to_string(tree.config()).unwrap();
    fs::write(tree.config(), text.replace("accept = []", "accept = [\"secret-shared\", \"env-readable\"]")).unwrap();
    let (_, document) = check(&tree, &["--json", "check"]);
    let of_al = codes(&document, "al");
    assert!(!of_al.contains("secret-shared") && !of_al.contains("env-readable") && of_al.contains("config-writable"), "{document:#}");
    fs::write(tree.config(), text.replace("accept = []", "accept = [\"port-taken\"]")).unwrap();
    let (code, _, errors) = tree.berth(&["check"]);
    assert!(code == 2 && errors.contains("accept in [findings]"), "{errors}");
}
