//! `berth deploy SYSTEM`: another system's file for the fleet, printed or put in place.
//!
//! It must never put it where others could replace it, nor load it: that is left to who reads it first.

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde_json::{Value, json};

use super::args::Global;
use super::args::deploy::{Deploy, System};
use super::door::Desk;
use super::errors::Stop;
use super::output::{Out, aside};
use crate::config::check_place;
use crate::deploy::{nftables, put};
use crate::domain::{Fence, Shown, Uid};
use crate::error::{Context, Error, Kind};
use crate::present::json::SCHEMA;
use crate::present::quote;

/// How many ports that stay open are told on standard error; the file has them all.
const MOST_TOLD: usize = 10;

/// Runs the command.
pub fn run(words: &Deploy, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let System::Nftables = words.system;
    if words.out.is_some() && global.read_only {
        return Err(Error::new(Kind::NotPermitted, "not written: berth was started with --read-only").into());
    }
    let fence = desk.fence()?;
    let (name, text) = ("berth.nft", nftables(&fence));
    let path = words.out.as_ref().map(|folder| in_place(folder, name, &text)).transpose()?;
    if !global.json {
        tell(&fence);
    }
    match (global.json, path) {
        (true, path) => out.json(&document(&fence, name, &text, path.as_deref()))?,
        (false, None) => out.text(&text)?,
        (false, Some(path)) => {
            let ports = fence.gates.len();
            let shown = Shown::new(&path.to_string_lossy());
            let word = quote::shell(shown.as_str());
            out.text(&format!("{shown} is written: {ports} {} its owner only\n", if ports == 1 { "port is" } else { "ports, each for" }))?;
            out.text(&format!("  nft -c -f {word} && nft -f {word}    loads it, in place of the one before\n"))?;
        }
    }
    Ok(0)
}

/// Puts it into the directory, which is made where there is none. Whose it is there is asked before: root makes nothing in a user's tree.
fn in_place(folder: &Path, name: &str, text: &str) -> Result<std::path::PathBuf, Error> {
    check_place(folder, Uid(nix::unistd::geteuid().as_raw()), "what is written there decides who may connect to whose port")?;
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).while_doing(|| format!("cannot make {}", Shown::new(&folder.to_string_lossy())))?;
        }
        _ => {}
    }
    put(folder, name, text)
}

fn tell(fence: &Fence) {
    for (port, why) in fence.left_open.iter().take(MOST_TOLD) {
        aside(&format!("  {port} stays open: {why}"));
    }
    if let Some(more) = fence.left_open.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        aside(&format!("  and {more} more stay open"));
    }
}

fn document(fence: &Fence, name: &str, text: &str, path: Option<&Path>) -> Value {
    let open: Vec<Value> = fence.left_open.iter().map(|(port, why)| json!({ "port": port, "why": why.as_str() })).collect();
    let ports: Vec<Value> = fence
        .gates
        .iter()
        .map(|(port, gate)| {
            let ids: Vec<String> = gate.ids.iter().map(ToString::to_string).collect();
            json!({ "port": port, "instances": ids, "uids": gate.owners.iter().map(|uid| uid.0).collect::<Vec<_>>() })
        })
        .collect();
    let path = path.map(|path| Shown::new(&path.to_string_lossy()).to_string());
    json!({ "schema": SCHEMA, "system": "nftables", "files": [{ "name": name, "path": path, "text": text }], "ports": ports, "left_open": open })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    fn ran(out: Option<PathBuf>, options: &str) -> Result<String, Stop> {
        let (mut written, text) = written();
        run(&Deploy { system: System::Nftables, out }, &global(options), &FakeDesk::new(fleet::fleet()), &mut written).map(|_| text())
    }

    #[test]
    fn it_is_printed() {
        let text = ran(None, "").unwrap();
        assert!(text.starts_with("#!/usr/sbin/nft -f\n") && text.contains("\t\t\t8101 . 1001,\n"), "{text}");
        let document: Value = serde_json::from_str(&ran(None, "--json").unwrap()).unwrap();
        assert_eq!((document["schema"].as_u64(), document["files"][0]["text"].as_str()), (Some(1), Some(text.as_str())));
        assert_eq!(document["ports"][0], json!({ "port": 8101, "instances": ["alice"], "uids": [1001] }));
        assert_eq!(document["left_open"][0]["port"], 8107);
    }

    #[test]
    fn it_is_put_where_nobody_else_may_write() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("nftables.d");
        let told = ran(Some(folder.clone()), "").unwrap();
        assert!(told.contains("berth.nft is written: "), "{told}");
        assert_eq!(fs::read_to_string(folder.join("berth.nft")).unwrap(), ran(None, "").unwrap());
        for (mode, options, code) in [(0o777, "", 2), (0o755, "--read-only", 3)] {
            fs::remove_file(folder.join("berth.nft")).ok();
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(ran(Some(folder.clone()), options).unwrap_err().tell(), code);
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        }
        assert_eq!(ran(Some(base.path().join("no/such")), "").unwrap_err().tell(), 1);
        // Who may rename what is on the way puts another directory in its place.
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for below in ["nftables.d", "new"] {
            assert_eq!(ran(Some(base.path().join(below)), "").unwrap_err().tell(), 2);
        }
        assert!(!base.path().join("new").exists());
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(ran(Some(folder), "").is_ok());
    }
}
