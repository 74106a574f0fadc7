//! The variables of an instance's environment file, read at the moment in which it is started, as its account.
//!
//! It must never keep them, and never tell more of them than a line's number: they go into the specification and nowhere else.

use crate::domain::{Declared, EnvFile, InstanceId, read_env};
use crate::error::{Error, Result};
use crate::hand::{Identity, Reader};

use super::identity_of;

/// The largest file, bytes.
const LONGEST: usize = 256 * 1024;

/// The file's variables in their order, the last of a name counting; none where there is no file.
///
/// # Errors
/// When the file cannot be read, or a line of it not understood: a server without its credentials is not started.
pub fn variables(reader: &Reader, declared: &Declared) -> Result<Vec<(String, String)>> {
    let account = declared.account.as_ref().map_or_else(|| declared.uid.to_string(), ToString::to_string);
    match &declared.env_file {
        Some(file) => read(reader, &identity_of(declared), &account, file, &declared.id),
        None => Ok(Vec::new()),
    }
}

fn read(reader: &Reader, who: &Identity, account: &str, file: &EnvFile, id: &InstanceId) -> Result<Vec<(String, String)>> {
    let path = file.path.display();
    let refused = || Error::failed(format!("not started. Its environment file {path} cannot be used"));
    let beneath = file.path.strip_prefix(&file.root).unwrap_or(&file.path);
    let bytes = reader.read(who, &file.root, beneath, LONGEST).map_err(|error| {
        refused().because(error).hint(format!("it must be a plain file that {account} may read, and {account}'s or root's own"))
    })?;
    let (assignments, fault) = read_env(&bytes);
    if let Some(fault) = fault {
        let hint = format!("mend {path}:{}:{}, then berth start {id}", fault.line, fault.column);
        return Err(refused().because(format!("line {}: {}", fault.line, fault.reason)).hint(hint));
    }
    Ok(assignments.into_iter().map(|assignment| (assignment.name, assignment.value)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::domain::{Gid, Uid};

    fn ran(root: &Path) -> Result<Vec<(String, String)>> {
        let own = Identity::of(Uid(nix::unistd::geteuid().as_raw()), Gid(nix::unistd::getegid().as_raw()), None);
        let file = EnvFile { path: root.join(".env.amy"), root: root.to_owned(), ..EnvFile::default() };
        read(&Reader::start().unwrap(), &own, "amy", &file, &InstanceId::of_owner("amy").unwrap())
    }

    #[test]
    fn the_file_is_read_as_it_is_now() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(".env.amy"), "PORT=1\nexport KEY=\"a b\"\nPORT=2\n").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(ran(root.path()).unwrap(), [pair("PORT", "1"), pair("KEY", "a b"), pair("PORT", "2")]);
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place_and_without_a_value() {
        let root = tempfile::tempdir().unwrap();
        let told = || ran(root.path()).map_err(|error| (error.chain(), error.way_out().unwrap().to_owned())).unwrap_err();
        assert!(told().1.contains("amy may read"), "{:?}", told());
        std::fs::write(root.path().join(".env.amy"), "A=1\nB=\"canary").unwrap();
        let (chain, hint) = told();
        assert!(
            chain.contains("line 2: this quote is never closed") && hint.contains(".env.amy:2:3, then berth start amy"),
            "{chain} {hint}"
        );
        assert!(!format!("{chain}{hint}").contains("canary"));
    }
}
