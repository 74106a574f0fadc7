//! The demo's tree as the guide lays it out: users with their configurations, and the file that tells berth about them.
//!
//! It must never write outside its base: the reaper removes that, and nothing else.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{User, getuid};
use serde_json::json;
use toml::{Table, Value};

use crate::error::{Context, Error, Result};

use super::ports::Block;

/// The environment variable by which the demo's processes are known.
pub(super) const MARK: &str = "BERTH_DEMO";

/// The owners and the place of their port in the block. carol and dave were given one port: the conflict.
pub(super) const OWNERS: [(&str, u16); 6] = [("alice", 1), ("bob", 2), ("carol", 3), ("dave", 3), ("erin", 5), ("frank", 6)];

/// Whose database is damaged: the crash.
const CRASHES: &str = "frank";

/// What the tree is made from.
pub(super) struct Plan<'a> {
    /// The directory, which is there and empty.
    pub(super) base: &'a Path,
    /// The program that the instances run.
    pub(super) program: &'a Path,
    /// The ports.
    pub(super) block: &'a Block,
    /// What marks its processes.
    pub(super) token: &'a str,
}

/// Writes the tree and returns the path of berth's configuration in it.
///
/// # Errors
/// When something cannot be written, or a path is not text.
pub(super) fn write(plan: &Plan<'_>) -> Result<PathBuf> {
    let config = plan.base.join("berth.toml");
    let text = configuration(plan)?;
    let doing = || format!("cannot write the demo's tree {}", plan.base.display());
    for (owner, place) in OWNERS {
        owner_tree(plan.base, owner, plan.block.first + place).while_doing(doing)?;
    }
    file(&config, text.as_bytes()).while_doing(doing)?;
    Ok(config)
}

fn owner_tree(base: &Path, owner: &str, port: u16) -> io::Result<()> {
    let home = base.join("users").join(owner);
    for part in ["config", "workspace", "logs"] {
        DirBuilder::new().recursive(true).mode(0o700).create(home.join(part))?;
    }
    let workspace = home.join("workspace");
    let name = format!("{}{} MCP Server", owner[..1].to_ascii_uppercase(), &owner[1..]);
    let config = json!({ "port": port, "host": "127.0.0.1", "serverName": name, "serverVersion": "1.0.0", "workspace": workspace });
    file(&home.join("config/config.json"), format!("{config:#}\n").as_bytes())?;
    if owner == CRASHES {
        // No database begins like this one. Removing it is the remedy.
        file(&workspace.join("memory.db"), &[0xde; 4096])?;
    }
    Ok(())
}

fn file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(bytes)
}

fn configuration(plan: &Plan<'_>) -> Result<String> {
    let base = text_of(plan.base)?;
    let command = [text_of(plan.program)?, "demo-server", "--config={config}"].map(Value::from).to_vec();
    let mut environment = Table::new();
    environment.insert(MARK.to_owned(), plan.token.into());
    let template = table([
        ("command", Value::Array(command)),
        ("directory", base.into()),
        ("run_as", account().into()),
        ("environment", environment.into()),
        ("start_timeout", "5s".into()),
        ("stop_timeout", "3s".into()),
    ]);
    let discover = table([("config", format!("{base}/users/*/config/config.json").into())]);
    let whole = table([
        ("ports", table([("range", format!("{}-{}", plan.block.first, plan.block.last).into())]).into()),
        ("layout", table([("base", base.into()), ("state", format!("{base}/state").into())]).into()),
        ("template", table([("default", template.into())]).into()),
        ("discover", Value::Array(vec![discover.into()])),
    ]);
    let text = toml::to_string(&whole).while_doing(|| "cannot write the demo's configuration".to_owned())?;
    Ok(format!("# A demo's configuration. It is gone when the demo ends.\n{text}"))
}

fn table<const COUNT: usize>(entries: [(&str, Value); COUNT]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A path that means itself in a configuration: text, and nothing in it that a placeholder or a pattern begins with.
fn text_of(path: &Path) -> Result<&str> {
    path.to_str().filter(|text| is_plain(text)).ok_or_else(|| {
        Error::failed(format!("a demo cannot be made with the path {}", path.display()))
            .hint("put berth, and TMPDIR, where the path is made of letters and digits")
    })
}

/// Whether a text can stand in a configuration's patterns and templates as it is.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|character| character.is_control() || "{}[]*?\\".contains(character))
}

/// The caller's account; its number where it has no name.
fn account() -> String {
    let uid = getuid();
    User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_tree_is_as_the_guide_lays_it_out() {
        let directory = tempfile::tempdir().unwrap();
        let block = Block::choose().unwrap();
        let plan = Plan { base: directory.path(), program: Path::new("/usr/bin/berth"), block: &block, token: "abc" };
        let config = write(&plan).unwrap();
        assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
        let table: Table = fs::read_to_string(&config).unwrap().parse().unwrap();
        assert_eq!(table["ports"]["range"].as_str(), Some(format!("{}-{}", block.first, block.last).as_str()));
        assert_eq!(table["template"]["default"]["environment"][MARK].as_str(), Some("abc"));
        assert_eq!(table["template"]["default"]["command"][1].as_str(), Some("demo-server"));
        let port = |owner: &str| {
            let text = fs::read(directory.path().join(format!("users/{owner}/config/config.json"))).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
            assert!(Path::new(value["workspace"].as_str().unwrap()).is_dir());
            value["port"].as_u64().unwrap()
        };
        assert_eq!(port("carol"), port("dave"));
        assert_ne!(port("alice"), port("bob"));
        for (owner, _) in OWNERS {
            let port = port(owner);
            assert!(port >= block.first.into() && port <= block.last.into());
            assert!(directory.path().join("users").join(owner).join("logs").is_dir());
        }
    }

    #[test]
    fn a_path_that_would_mean_something_else_is_refused() {
        for text in ["/tmp/{user}", "/tmp/*", "/tmp/a\nb"] {
            assert!(text_of(Path::new(text)).is_err(), "{text:?}");
        }
        assert!(text_of(Path::new("/tmp/my tree")).is_ok());
    }
}
