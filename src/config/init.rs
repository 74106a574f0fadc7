//! A configuration to begin with, made for what lies where the guides put it.
//!
//! It must never replace a file, nor open one of a user's: only names are looked at.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Config, layers, trust};
use crate::domain::{Shown, Uid};
use crate::error::{Context, Error, Kind, Result};

/// Where servers are installed, hier(7).
const ROOTS: [&str; 5] = ["opt", "srv", "etc", "usr/local", "var/lib"];

/// More entries of one directory are not looked at.
const MOST: usize = 2000;

/// A tree with configurations in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// What finds them.
    pub pattern: String,
    /// Environment files, not JSON.
    pub is_env: bool,
    /// How many there are now.
    pub count: usize,
}

/// Looks below a root directory, `/` but for tests, for what is named like an MCP server and holds configurations.
pub fn survey(root: &Path) -> Vec<Tree> {
    let mut trees = Vec::new();
    for above in ROOTS {
        for name in names(&root.join(above)).into_iter().filter(|name| name.contains("mcp")) {
            let (folder, path) = (root.join(above).join(&name), format!("/{above}/{name}"));
            // A pattern's own signs in a name would mean something else.
            if name.contains(['*', '?', '[', ']', '{', '}', '"', '\\']) || name.contains(char::is_control) {
                continue;
            }
            let holds = |below: &str, file: &str| {
                let users = names(&folder.join(below));
                users
                    .iter()
                    .filter(|user| fs::symlink_metadata(folder.join(below).join(user).join(file)).is_ok_and(|it| it.is_file()))
                    .count()
            };
            let env = names(&folder).iter().filter(|name| is_env(name)).count();
            let found = [
                (format!("{path}/users/*/config/config.json"), false, holds("users", "config/config.json")),
                (format!("{path}/*/config.json"), false, holds("", "config.json")),
                (format!("{path}/.env.*"), true, env),
            ];
            trees.extend(found.into_iter().filter(|found| found.2 > 0).map(|(pattern, is_env, count)| Tree { pattern, is_env, count }));
        }
    }
    trees
}

/// Whether a name is an owner's environment file, and no example or backup of one.
fn is_env(name: &str) -> bool {
    let spare = ["example", "sample", "dist", "bak", "orig", "swp"];
    name.strip_prefix(".env.")
        .is_some_and(|owner| !owner.is_empty() && !owner.ends_with('~') && !spare.iter().any(|end| owner.ends_with(end)))
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.take(MOST).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The text of a configuration: the defaults, commented out, and what was found, in force.
pub fn text(found: &[Tree]) -> String {
    let mut text = String::from("# Written by `berth config init`. Each line that is commented out says what holds without it.\n");
    let mut told = false;
    let mut in_discover = false;
    for line in Config::example().lines() {
        let header = line.starts_with('[') || line.starts_with("# [");
        in_discover = if header { line.trim_start_matches("# ").starts_with("[[discover]]") } else { in_discover && !line.is_empty() };
        if in_discover {
            if !told {
                told = true;
                text.push_str(&discover(found));
            }
        } else if line.starts_with('#') || line.starts_with("[") || line.is_empty() {
            text.push_str(line);
            text.push('\n');
        } else {
            text.push_str("# ");
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The `[[discover]]` entries.
fn discover(found: &[Tree]) -> String {
    let mut text = String::new();
    if found.is_empty() {
        text.push_str("# Nothing was found on this host; uncomment and change what fits.\n");
        for line in
            ["[[discover]]", "config = \"/opt/mcp-server/users/*/config/config.json\"", "[[discover]]", "env = \"/opt/sdp-mcp/.env.*\""]
        {
            text.push_str(&format!("# {line}\n"));
        }
        return text;
    }
    for tree in found {
        let key = if tree.is_env { "env" } else { "config" };
        let files = if tree.count == 1 { "1 file".to_owned() } else { format!("{} files", tree.count) };
        text.push_str(&format!("[[discover]]\n{key} = \"{}\"   # {files} when this was written\n", tree.pattern));
        if tree.is_env {
            text.push_str("# port_key = \"SDP_HTTP_PORT\"   # without it PORT, MCP_PORT, MCP_HTTP_PORT\n");
            text.push_str("template = \"sdp-mcp\"\n");
        }
    }
    text
}

/// Where it would be read from: what was named, else the host's for root, the caller's own for others.
///
/// # Errors
/// When there is no home directory.
pub fn path(explicit: Option<&Path>) -> Result<PathBuf> {
    if let Some(path) = explicit {
        return Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    }
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/etc/berth/berth.toml"));
    }
    let own = layers::beneath_home("XDG_CONFIG_HOME", ".config", |name| std::env::var_os(name));
    own.map(|folder| folder.join("berth/berth.toml"))
        .ok_or_else(|| Error::new(Kind::Usage, "there is no home directory to write to").hint("berth config init --config FILE"))
}

/// Writes a configuration where none is.
///
/// # Errors
/// When there is one, when the directory belongs to somebody else, and what the kernel says.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let shown = Shown::new(&path.to_string_lossy());
    let refused = |error: std::io::Error| {
        let kind = if error.kind() == ErrorKind::PermissionDenied { Kind::NotPermitted } else { Kind::Failed };
        Error::new(kind, format!("cannot write {shown}")).because(error)
    };
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(refused)?;
        trust::check_folder(folder, Uid(nix::unistd::geteuid().as_raw()))?;
    }
    // Made anew or not at all: a link that lies there is not followed either, open(2).
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o644).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::failed(format!("not written: there is {shown} already")).hint("berth config init --stdout prints one"));
        }
        Err(error) => return Err(refused(error)),
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a configuration would be read as a whole one.
        let _ = fs::remove_file(path);
    }
    written.while_doing(|| format!("cannot write {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(root: &Path, file: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}").unwrap();
    }

    #[test]
    fn what_lies_where_the_guides_put_it_is_found() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(survey(root.path()), []);
        for file in [
            "opt/mcp-server/users/alice/config/config.json",
            "opt/mcp-server/users/bob/config/config.json",
            "opt/mcp-server/users/empty/notes",
            "etc/mcp-server/carol/config.json",
            "opt/sdp-mcp/.env.user1",
            "opt/sdp-mcp/.env.example",
            "opt/sdp-mcp/.env.user1~",
            "opt/other/users/dave/config/config.json",
            "srv/mcp*/x/config.json",
        ] {
            make(root.path(), file);
        }
        let found: Vec<(String, bool, usize)> =
            survey(root.path()).into_iter().map(|tree| (tree.pattern, tree.is_env, tree.count)).collect();
        let expected = [
            ("/opt/mcp-server/users/*/config/config.json", false, 2),
            ("/opt/sdp-mcp/.env.*", true, 1),
            ("/etc/mcp-server/*/config.json", false, 1),
        ];
        assert_eq!(found, expected.map(|(pattern, is_env, count)| (pattern.to_owned(), is_env, count)));
    }

    #[test]
    fn what_is_written_is_read_again_and_changes_only_what_was_found() {
        let tree = |pattern: &str, is_env| Tree { pattern: pattern.to_owned(), is_env, count: 2 };
        let cases = [vec![], vec![tree("/srv/mcp/users/*/config/config.json", false), tree("/opt/a-mcp/.env.*", true)]];
        for found in cases {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new/berth.toml");
            write(&path, &text(&found)).unwrap();
            let read = Config::load_alone(&path).unwrap();
            let mut defaults = Config::defaults().unwrap();
            if !found.is_empty() {
                assert_eq!(read.discover.len(), found.len());
                assert_eq!(read.discover[1].template, "sdp-mcp");
            }
            (defaults.discover, defaults.files, defaults.origins) = (read.discover.clone(), read.files.clone(), read.origins.clone());
            assert_eq!((read.discover.len() == 2, &read), (!found.is_empty(), &defaults));
        }
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("berth.toml");
        fs::write(&path, "mine").unwrap();
        let error = write(&path, "new").unwrap_err();
        assert!(error.to_string().starts_with("not written: there is "), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
        assert!(write(&link, "new").is_err());
        assert!(!folder.path().join("elsewhere").exists());
    }
}
