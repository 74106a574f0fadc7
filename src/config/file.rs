//! Opening a configuration file: it names commands that root will run, so only whom root or the caller trusts may have written it.
//!
//! It must never look at a name twice: the file that is checked is the file that is read.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::error::{Error, Kind, Result};

/// The longest configuration, bytes.
const LONGEST: u64 = 1 << 20;

/// Reads a configuration file; `None` when there is none.
///
/// # Errors
/// When it cannot be read, or somebody else may write it or its directory.
pub fn read(path: &Path) -> Result<Option<String>> {
    let shown = path.display();
    let cannot = |error: std::io::Error| Error::new(Kind::Usage, format!("cannot read the configuration {shown}")).because(error);
    let mut file = match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    let facts = file.metadata().map_err(cannot)?;
    if !facts.is_file() {
        return Err(Error::new(Kind::Usage, format!("the configuration {shown} is not a regular file")));
    }
    check(path, "", facts.uid(), facts.mode())?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = File::open(parent).and_then(|directory| directory.metadata()).map_err(cannot)?;
    // In a sticky directory like /tmp nobody can replace another's file, but the file's owner has been checked already.
    let mode = if directory.mode() & 0o1000 != 0 { directory.mode() & !0o022 } else { directory.mode() };
    check(parent, "the directory ", directory.uid(), mode)?;
    let mut text = String::new();
    file.by_ref().take(LONGEST).read_to_string(&mut text).map_err(cannot)?;
    Ok(Some(text))
}

fn check(path: &Path, what: &str, owner: u32, mode: u32) -> Result<()> {
    let caller = nix::unistd::geteuid().as_raw();
    let shown = path.display();
    if owner != 0 && owner != caller {
        return Err(Error::new(Kind::Usage, format!("the configuration is not used: {what}{shown} belongs to uid {owner}, neither root nor you"))
            .hint(format!("chown root {shown}    if you trust what it says")));
    }
    if mode & 0o022 != 0 {
        return Err(Error::new(Kind::Usage, format!("the configuration is not used: others may write {what}{shown} (mode {:04o})", mode & 0o7777))
            .hint(format!("chmod go-w {shown}    after reading what it says")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_may_write_is_not_used() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("berth.toml");
        assert!(read(&path).unwrap().is_none());
        std::fs::write(&path, "x").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("x"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.way_out().unwrap().starts_with("chmod go-w"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::set_permissions(tree.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("directory"));
    }
}
