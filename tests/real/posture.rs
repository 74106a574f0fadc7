//! What is called too open, held against what the kernel lets another account do; and what the firewall's rules make of it is in `fence`.
//!
//! It must never judge by modes itself: another account tries.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::accounts::Account;
use crate::parts;
use crate::world::World;

const SECRET: &str = "canary-of-the-posture-7Qx";

/// What may be done to a file: the account tries, and puts back what it moved.
fn can(account: &Account, script: &str, file: &Path) -> bool {
    let mut command = account.command(Path::new("/bin/sh"));
    command.args(["-c", script, "sh"]).arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

const READ: &str = "cat \"$1\"";
const WRITE: &str = "(: >> \"$1\") || { mv \"$1\" \"$1.moved\" && mv \"$1.moved\" \"$1\"; }";

fn codes(world: &World, id: &str) -> BTreeSet<String> {
    let ran = world.berth.run(&["check", "--json"]);
    assert!(!ran.text.contains(SECRET), "{}", ran.text);
    let document: Value = serde_json::from_str(&ran.text).unwrap_or_else(|error| panic!("{error}: {}", ran.text));
    let is_about = |finding: &&Value| finding["instances"].as_array().unwrap().iter().any(|one| one == id);
    document["findings"].as_array().unwrap().iter().filter(is_about).map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn configure(world: &World, owner: &Account, port: u16) {
    let tree = world.base.join("users").join(&owner.name);
    let config = serde_json::json!({ "port": port, "workspace": tree.join("workspace"), "auth": { "apiKey": SECRET } });
    owner.file(&tree.join("config/config.json"), &config.to_string());
}

#[test]
fn what_another_account_can_do_is_what_is_told() {
    let (Some(()), Some(everything)) = (parts::root(), parts::everything()) else { return };
    let (world, eve) = (World::new(&everything, 1), Account::make());
    let (alice, id) = (&world.owners[0], world.names()[0]);
    configure(&world, alice, world.ports[0]);
    let tree = world.base.join("users").join(id);
    let (folder, file) = (tree.join("config"), tree.join("config/config.json"));
    let mut seen = BTreeSet::new();
    for modes in [
        (0o700, 0o700, 0o600),
        (0o755, 0o755, 0o644),
        (0o700, 0o755, 0o644),
        (0o711, 0o711, 0o604),
        (0o755, 0o700, 0o644),
        (0o755, 0o755, 0o640),
        (0o755, 0o777, 0o600),
        (0o755, 0o1777, 0o600),
        (0o755, 0o755, 0o666),
        (0o700, 0o777, 0o666),
        (0o755, 0o755, 0o602),
    ] {
        set(&tree, modes.0);
        set(&folder, modes.1);
        set(&file, modes.2);
        let done = (can(&eve, READ, &file), can(&eve, WRITE, &file));
        let told = codes(&world, id);
        let said = (told.contains("env-readable"), told.contains("config-writable"));
        let [one, two, three] = [modes.0, modes.1, modes.2];
        assert_eq!(said, done, "read, write with {one:o} {two:o} {three:o}: {told:?}");
        seen.insert(done);
    }
    assert_eq!(seen.len(), 4, "each of the four was there: {seen:?}");
}

#[test]
fn one_credential_of_two_and_a_way_out_of_a_tree_are_told_to_who_may_know() {
    let (Some(()), Some(everything)) = (parts::root(), parts::everything()) else { return };
    let world = World::new(&everything, 2);
    let (alice, bob) = (&world.owners[0], &world.owners[1]);
    for (owner, port) in [(alice, world.ports[0]), (bob, world.ports[1])] {
        configure(&world, owner, port);
    }
    // It leads to where she can go: links are followed as she would.
    set(&world.base.join("users").join(&bob.name), 0o711);
    set(&world.base.join("users").join(&bob.name).join("workspace"), 0o755);
    let workspace = world.base.join("users").join(&alice.name).join("workspace");
    fs::remove_dir(&workspace).unwrap();
    symlink(format!("../{}/workspace", bob.name), &workspace).unwrap();
    nix::unistd::fchownat(
        nix::fcntl::AT_FDCWD,
        &workspace,
        Some(alice.uid.into()),
        Some(alice.gid.into()),
        nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW,
    )
    .unwrap();
    for (owner, escapes) in [(alice, true), (bob, false)] {
        let told = codes(&world, &owner.name);
        assert!(told.contains("secret-shared"), "{told:?}");
        assert_eq!(told.contains("workspace-escape"), escapes, "{told:?}");
    }
    // She may not read his, and so it is not told her that they are one.
    let home = world.base.join("users").join(&alice.name).join("config");
    let mut command = alice.command(Path::new(env!("CARGO_BIN_EXE_berth")));
    command.arg("--config").arg(&world.berth.config).args(["check", "--json"]).env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.env("HOME", &home).env("BERTH_STATE", home.join("state")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let told: Vec<&str> = document["findings"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert!(told.contains(&"workspace-escape") && !told.contains(&"secret-shared") && !text.contains(SECRET), "{text}");
}
