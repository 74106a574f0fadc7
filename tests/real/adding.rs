//! New instances of real accounts: whose everything is, in directories of root's and elsewhere, and what a full disk leaves.
//!
//! It must never mount anything but below its own directory, nor leave it mounted.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::accounts::Account;
use crate::berth::Berth;
use crate::parts;
use crate::world::{configuration, enterable, free_range};

/// A base of root's without anybody in it, and berth on it.
pub struct Empty {
    /// berth on it.
    pub berth: Berth,
    /// The base.
    pub base: PathBuf,
    _directory: TempDir,
}

impl Empty {
    /// Lays one out.
    pub fn new() -> Self {
        let directory = enterable();
        let base = directory.path().join("mcp-server");
        let first = free_range();
        let mut text = configuration(&base, first, "command = [\"sleep\", \"1000\"]");
        text.push_str(&format!(
            "[template.desk]\n[[discover]]\nenv = \"{}/desk/.env.*\"\nport_key = \"A_PORT\"\ntemplate = \"desk\"\n",
            base.display()
        ));
        let config = directory.path().join("berth.toml");
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
        let berth = Berth { config, state: directory.path().join("state"), home: directory.path().to_owned() };
        Self { berth, base, _directory: directory }
    }
}

/// Whose it is, and who may enter or read it.
fn facts(path: &Path) -> (u32, u32, u32) {
    let facts = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (facts.uid(), facts.gid(), facts.mode() & 0o7777)
}

#[test]
fn everything_is_the_accounts_own_and_root_keeps_its_directories() {
    let Some(()) = parts::root() else { return };
    let (world, amy, svc) = (Empty::new(), Account::make(), Account::make());
    world.berth.done(&["add", &amy.name, "--no-start"]);
    let users = world.base.join("users");
    let own = users.join(&amy.name);
    for made in ["", "config", "workspace", "logs"] {
        assert_eq!(facts(&own.join(made)), (amy.uid, amy.gid, 0o700), "{made}");
    }
    assert_eq!(facts(&own.join("config/config.json")), (amy.uid, amy.gid, 0o600));
    assert_eq!(facts(&own.join("port")), (amy.uid, amy.gid, 0o644), "what her scripts ask for her port");
    assert_eq!(facts(&users), (0, 0, 0o755), "the administrator's part is root's");
    // Under a service account, an owner needs none.
    world.berth.done(&["add", "an-owner", "--run-as", &svc.name, "--no-start"]);
    assert_eq!(facts(&users.join("an-owner/config/config.json")), (svc.uid, svc.gid, 0o600));
    assert_eq!(world.berth.json(&["show", "an-owner"])["instance"]["user"], svc.name);
    // A file in a directory of root's.
    fs::create_dir(world.base.join("desk")).unwrap();
    fs::write(world.base.join("desk/.env.example"), "A_PORT=1\nA_KEY=your_key\n").unwrap();
    fs::set_permissions(world.base.join("desk"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(world.base.join("desk/.env.example"), fs::Permissions::from_mode(0o644)).unwrap();
    let name = format!("{}-desk", amy.name);
    world.berth.done(&["add", &name, "--template", "desk", "--run-as", &amy.name, "--no-start"]);
    let file = world.base.join("desk").join(format!(".env.{name}"));
    assert_eq!((facts(&file), facts(&world.base.join("desk"))), ((amy.uid, amy.gid, 0o600), (0, 0, 0o755)));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("A_PORT=") && text.contains("\nA_KEY=your_key\n") && text.ends_with("A_HOST=127.0.0.1\n"), "{text}");
    // And all of it goes again.
    for owner in [amy.name.as_str(), name.as_str(), "an-owner"] {
        world.berth.done(&["remove", owner, "--purge", "--yes"]);
    }
    assert_eq!(fs::read_dir(&users).unwrap().count(), 0);
    assert!(!file.exists() && world.base.join("desk/.env.example").exists());
}

#[test]
fn what_an_account_puts_in_the_way_leads_nowhere() {
    let Some(()) = parts::root() else { return };
    let (world, amy) = (Empty::new(), Account::make());
    let own = world.base.join("users").join(&amy.name);
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    amy.directory(&own);
    let target = world.base.join("root-only");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("kept"), "x").unwrap();
    for linked in ["config", "workspace", "logs"] {
        // What an earlier one made on its way is empty.
        let _ = fs::remove_dir(own.join(linked));
        symlink(&target, own.join(linked)).unwrap();
        let ran = world.berth.run(&["add", &amy.name, "--no-start"]);
        assert!(
            ran.code == Some(1)
                && ["there is a link on the way", "a symbolic link is in its path"].iter().any(|why| ran.text.contains(why)),
            "{linked}: {}",
            ran.text
        );
        fs::remove_file(own.join(linked)).unwrap();
    }
    world.berth.done(&["add", &amy.name, "--no-start"]);
    // When it goes, what its links lead to stays.
    fs::remove_dir(own.join("workspace")).unwrap();
    symlink(&target, own.join("workspace")).unwrap();
    symlink(&target, own.join("logs/link")).unwrap();
    world.berth.done(&["remove", &amy.name, "--purge", "--yes"]);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    assert!(!own.join("workspace").exists() && !own.join("config").exists());
}

/// A file system of its own, unmounted when it goes.
struct Mounted(PathBuf);

impl Mounted {
    fn at(path: &Path) -> Result<Self, String> {
        fs::create_dir(path).unwrap();
        let output =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(path).output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(Self(path.to_owned())) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_before_anything_is_changed() {
    let Some(()) = parts::root() else { return };
    let (world, amy, ben) = (Empty::new(), Account::make(), Account::make());
    let Some(_mounted) = parts::part("mount", Mounted::at(&world.berth.state)) else { return };
    world.berth.done(&["add", &amy.name, "--no-start"]);
    let config = world.base.join("users").join(&amy.name).join("config/config.json");
    let fill = world.berth.state.join("fill");
    // To the last byte, and with some room: not enough for all that is to be written.
    for left in [0, 64 * 1024] {
        let full = fs::write(&fill, vec![0; 2 << 20]);
        assert!(full.is_err());
        let filled = fs::metadata(&fill).unwrap().len();
        fs::OpenOptions::new().write(true).open(&fill).unwrap().set_len(filled.saturating_sub(left)).unwrap();
        let text = fs::read(&config).unwrap();
        for words in [vec!["add", &ben.name], vec!["remove", &amy.name, "--yes"], vec!["assign", &amy.name, "--port", "auto"]] {
            let ran = world.berth.run(&words);
            assert!(ran.code == Some(1) && ran.text.contains("not ") && ran.text.contains("make room"), "{left} {words:?}: {}", ran.text);
        }
        assert!(!world.base.join("users").join(&ben.name).exists());
        assert_eq!(fs::read(&config).unwrap(), text);
        world.berth.done(&["stop", &amy.name]);
    }
    fs::remove_file(&fill).unwrap();
    world.berth.done(&["add", &ben.name, "--no-start"]);
    world.berth.done(&["remove", &amy.name, "--yes"]);
}
