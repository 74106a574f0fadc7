//! A rolling restart of real servers, one of which does not come up: who was before it serves again, who comes after it serves on.
//!
//! It must never assert how long anything takes.

use serde_json::{Value, json};

use crate::actions::Tree;
use crate::assign::{self, Place};

/// Five that run, the third of which will not come up again: what it is started with now is no port that can be bound.
fn five() -> (Place, Tree, Vec<i64>) {
    let owners = ["ann", "ben", "cat", "dan", "eve"];
    let place = Place::take();
    let ports = place.free(owners.len());
    let tree = assign::tree(&place, &owners.into_iter().zip(ports).collect::<Vec<_>>());
    let (code, _, errors) = tree.berth(&["start", "--all", "--yes"]);
    assert_eq!(code, 0, "{errors}");
    let pids = owners.iter().map(|owner| tree.row(owner)["pid"].as_i64().unwrap()).collect();
    // The command itself is not read again by those that run.
    let text = std::fs::read_to_string(tree.config()).unwrap();
    let wrapped = format!(
        "\"sh\", \"-c\", \"case $1 in */cat/*) exit 3;; esac; exec {} demo-server --config=$1\", \"sh\", \"{{config}}\"",
        crate::actions::BERTH
    );
    let words = format!("\"{}\", \"demo-server\", \"--config={{config}}\"", crate::actions::BERTH);
    assert!(text.contains(&words));
    std::fs::write(tree.config(), text.replace(&words, &wrapped)).unwrap();
    (place, tree, pids)
}

fn pid(tree: &Tree, owner: &str) -> Option<i64> {
    tree.row(owner)["pid"].as_i64()
}

#[test]
fn it_ends_at_the_first_that_does_not_serve_again() {
    let (_place, tree, before) = five();
    let (code, out, errors) = tree.berth(&["restart", "--all", "--rolling", "--yes"]);
    assert_eq!(code, 1, "{out}{errors}");
    assert!(out.contains("ann: running") && out.contains("ben: running") && errors.contains("cat: not started"), "{out}{errors}");
    assert!(out.contains("2 restarted, 1 failed, 2 not begun: dan, eve\n"), "{out}");
    assert!(out.contains(" restart --rolling dan eve    goes on with them"), "{out}");
    for (at, owner) in ["ann", "ben"].into_iter().enumerate() {
        let row = tree.row(owner);
        assert!(row["state"] == "running" && row["listening"][0]["port"] == row["port"], "{row:#}");
        assert_ne!(row["pid"].as_i64(), Some(before[at]));
    }
    assert_eq!(tree.row("cat")["pid"], Value::Null);
    assert_eq!((pid(&tree, "dan"), pid(&tree, "eve")), (Some(before[3]), Some(before[4])), "they serve on");
}

#[test]
fn two_at_once_and_two_failures_may_be() {
    let (_place, tree, before) = five();
    let words = ["--json", "restart", "ann", "ben", "cat", "dan", "eve", "--rolling", "--parallel", "2", "--max-failures", "2"];
    let (code, out, errors) = tree.berth(&words);
    assert_eq!(code, 1, "{out}{errors}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let whole = json!({ "at_once": 2, "max_failures": 2, "restarted": 4, "failed": 1, "not_begun": [] });
    assert_eq!(document["rolling"], whole, "{document:#}");
    for (owner, before) in ["ann", "ben", "dan", "eve"].into_iter().zip([before[0], before[1], before[3], before[4]]) {
        assert_ne!(pid(&tree, owner), Some(before), "{owner}");
    }
    // Of all, what is down stays down.
    let (code, out, errors) = tree.berth(&["restart", "--all", "--rolling", "--yes"]);
    assert_eq!((code, out.ends_with("4 restarted\n")), (0, true), "{out}{errors}");
    assert_eq!(tree.row("cat")["pid"], Value::Null);
}
