//! The variables of an instance's environment file, read at the moment in which it is started, as its account.
//!
//! It must never keep them, and never tell more of them than a line's number: they go into the specification and nowhere else.

use crate::domain::{Declared, read_env};
use crate::error::{Error, Result};
use crate::hand::Reader;

use super::identity_of;

/// The largest file, bytes.
const LONGEST: usize = 256 * 1024;

/// The file's variables in their order, the last of a name counting; none where there is no file.
///
/// # Errors
/// When the file cannot be read, or a line of it not understood: a server without its credentials is not started.
pub fn variables(reader: &Reader, declared: &Declared) -> Result<Vec<(String, String)>> {
    let Some(file) = &declared.env_file else { return Ok(Vec::new()) };
    let refused = || Error::failed(format!("not started. Its environment file {} cannot be used", file.path.display()));
    let beneath = file.path.strip_prefix(&file.root).unwrap_or(&file.path);
    let bytes = reader.read(&identity_of(declared), &file.root, beneath, LONGEST).map_err(|error| {
        let account = declared.account.as_ref().map_or_else(|| declared.uid.to_string(), ToString::to_string);
        refused().because(error).hint(format!("it must be a plain file that {account} may read, and {account}'s or root's own"))
    })?;
    let (assignments, fault) = read_env(&bytes);
    if let Some(fault) = fault {
        let hint = format!("mend {}:{}:{}, then berth start {}", file.path.display(), fault.line, fault.column, declared.id);
        return Err(refused().because(format!("line {}: {}", fault.line, fault.reason)).hint(hint));
    }
    Ok(assignments.into_iter().map(|assignment| (assignment.name, assignment.value)).collect())
}
