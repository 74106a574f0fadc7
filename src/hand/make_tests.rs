//! Making in real trees: as whoever runs the tests. What needs two accounts is tested with real ones.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

fn below(root: &Path, beneath: &str) -> Below {
    Below { root: root.to_owned(), beneath: beneath.into() }
}

/// What a hand does when it is the user already.
fn made(making: &Making) -> Result<(), i32> {
    let number = |error: io::Error| error.raw_os_error().unwrap_or(-1);
    for place in &making.directories {
        directories(place, false).map_err(number)?;
    }
    let Some((place, text)) = &making.file else { return Ok(()) };
    directories(place, true).map_err(number)?;
    user_file(place, text).map_err(number)
}

fn making(root: &Path) -> Making {
    let directories = vec![below(root, "amy/workspace"), below(root, "amy/logs")];
    Making { directories, file: Some((below(root, "amy/config/config.json"), "{}".to_owned())), note: None }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn everything_is_made_and_closed_to_others_and_what_is_there_stays() {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir(tree.path().join("amy")).unwrap();
    fs::set_permissions(tree.path().join("amy"), fs::Permissions::from_mode(0o755)).unwrap();
    made(&making(tree.path())).unwrap();
    let config = tree.path().join("amy/config/config.json");
    assert_eq!((fs::read_to_string(&config).unwrap().as_str(), mode(&config)), ("{}", 0o600));
    for made in ["config", "workspace", "logs"] {
        assert_eq!(mode(&tree.path().join("amy").join(made)), 0o700, "{made}");
    }
    assert_eq!(mode(&tree.path().join("amy")), 0o755);
    assert_eq!(fs::read_dir(config.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    fs::write(&config, "mine").unwrap();
    assert_eq!(made(&making(tree.path())), Err(libc::EEXIST));
    assert_eq!(fs::read_to_string(&config).unwrap(), "mine");
}

#[test]
fn no_link_is_followed_and_nothing_is_made_beyond_it() {
    for linked in ["amy", "amy/config", "amy/workspace", "amy/config/config.json"] {
        let (tree, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let link = tree.path().join(linked);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(other.path().join(if linked.ends_with("json") { "new" } else { "" }), &link).unwrap();
        let expected = if linked.ends_with("json") { libc::EEXIST } else { libc::ELOOP };
        assert_eq!(made(&making(tree.path())), Err(expected), "{linked}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0, "{linked}");
    }
    let tree = tempfile::tempdir().unwrap();
    for beneath in ["../x/y", "/x/y", "a/../../x"] {
        let making = Making { directories: vec![below(tree.path(), beneath)], file: None, note: None };
        assert_eq!(made(&making), Err(libc::EINVAL), "{beneath}");
    }
}

#[test]
fn by_way_of_a_name_it_is_the_same() {
    let tree = tempfile::tempdir().unwrap();
    let directory = fs::File::open(tree.path()).unwrap();
    // What a process left that was ended is in nobody's way.
    fs::write(tree.path().join(".berth-new-c.json~"), "half").unwrap();
    named(directory.as_fd(), OsStr::new("c.json"), "{}").unwrap();
    let error = named(directory.as_fd(), OsStr::new("c.json"), "{2}").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
    assert_eq!((fs::read_to_string(tree.path().join("c.json")).unwrap().as_str(), mode(&tree.path().join("c.json"))), ("{}", 0o600));
    assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 1);
}

#[test]
fn the_administrators_part_is_made_only_where_others_may_not_write() {
    let tree = tempfile::tempdir().unwrap();
    let is_root = nix::unistd::geteuid().is_root();
    administrators(&tree.path().join("a/b"), is_root).unwrap();
    administrators(&tree.path().join("a/b"), is_root).unwrap();
    assert!(tree.path().join("a/b").is_dir());
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = administrators(&tree.path().join("c"), true).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
}
