//! The tree of the guide: an owner for each listener, and some whose server berth starts.
//!
//! It must never write outside its own directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::load::Load;

/// The account that the load runs as: root's own tree has nobody else's.
pub const ACCOUNT: &str = "nobody";

/// Lets the load's account get to its own files, and lays this program where it may execute it.
pub fn make_room(directory: &Path) -> PathBuf {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let copy = directory.join("server");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    copy
}

/// Lays out a tree below the directory and returns the configuration over it.
pub fn lay_out(directory: &Path, load: &Load, server: &Path) -> PathBuf {
    let base = directory.join("mcp-server");
    let account = nix::unistd::User::from_name(ACCOUNT).unwrap().unwrap_or_else(|| panic!("there is no account {ACCOUNT}"));
    let (uid, gid) = (Some(account.uid.as_raw()), Some(account.gid.as_raw()));
    for port in load.first()..=load.last_spare() {
        let tree = base.join("users").join(owner(port));
        for folder in ["config", "logs"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
            chown(tree.join(folder), uid, gid).unwrap();
        }
        chown(&tree, uid, gid).unwrap();
        let file = tree.join("config/config.json");
        fs::write(&file, format!("{{\"port\": {port}, \"host\": \"127.0.0.1\"}}\n")).unwrap();
        chown(&file, uid, gid).unwrap();
    }
    let config = directory.join("berth.toml");
    let (base, first, last, server) = (base.display(), load.first(), load.last_spare(), server.display());
    let text = format!(
        "[ports]\nrange = \"{first}-{last}\"\n[layout]\nbase = \"{base}\"\n[template.default]\nrun_as = \"{ACCOUNT}\"\nrestart = \"no\"\n\
         directory = \"/\"\ncommand = [\"{server}\", \"--serve\", \"{{port}}\"]\n\
         [[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n"
    );
    fs::write(asking(&config), &text).unwrap();
    fs::write(&config, format!("[sampling]\nprobes = \"off\"\n{text}")).unwrap();
    config
}

/// The same configuration, by which each server is asked whether it is well: what that costs more is a figure of its own.
pub fn asking(config: &Path) -> PathBuf {
    config.with_file_name("asking.toml")
}

/// Whose a port is.
pub fn owner(port: u16) -> String {
    format!("user-{port}")
}
