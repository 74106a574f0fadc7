//! Which findings were told of and have not been told to be over: what berth goes by when it begins again.
//!
//! It must never be written apart from the events that tell of it, nor grow beyond what stands.

use rusqlite::{Connection, OptionalExtension, params};

use super::Audit;
use crate::domain::{Code, InstanceId, Stands, Uid};
use crate::error::{Context, Result};

impl Audit {
    /// What stands, as far as was written.
    ///
    /// # Errors
    /// When it may not or cannot be read.
    pub fn standing(&self) -> Result<Vec<Stands>> {
        let Some(connection) = self.store.reading()? else { return Ok(Vec::new()) };
        let doing = || self.store.reading_what();
        let table = connection.query_row("SELECT 1 FROM sqlite_master WHERE name = 'standing'", [], |_| Ok(())).optional();
        if table.while_doing(doing)?.is_none() {
            return Ok(Vec::new());
        }
        let mut statement = connection.prepare("SELECT finding, instance, port, uid FROM standing").while_doing(doing)?;
        let rows = statement.query_map([], read).while_doing(doing)?;
        let mut all = Vec::new();
        for row in rows {
            all.extend(row.while_doing(doing)?);
        }
        Ok(all)
    }
}

/// Puts down that it stands from now on, or not any more.
pub(super) fn note(connection: &Connection, stands: &Stands, is_so: bool) -> rusqlite::Result<()> {
    let id = stands.id.as_ref().map(ToString::to_string).unwrap_or_default();
    let (finding, port) = (stands.code.word(), stands.port.unwrap_or(0));
    let text = if is_so {
        "INSERT OR REPLACE INTO standing (finding, instance, port, uid) VALUES (?1, ?2, ?3, ?4)"
    } else {
        "DELETE FROM standing WHERE finding = ?1 AND instance = ?2 AND port = ?3 AND ?4 IS ?4"
    };
    connection.prepare_cached(text)?.execute(params![finding, id, port, stands.uid.map(|uid| uid.0)]).map(drop)
}

/// What a later berth wrote of what this one does not know is left out.
fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Stands>> {
    let (finding, instance): (String, String) = (row.get(0)?, row.get(1)?);
    let (port, uid): (u16, Option<u32>) = (row.get(2)?, row.get(3)?);
    let Some(code) = Code::ALL.into_iter().find(|code| code.word() == finding) else { return Ok(None) };
    let id = if instance.is_empty() { None } else { InstanceId::parse(&instance).ok() };
    Ok(Some(Stands { code, id, port: (port > 0).then_some(port), uid: uid.map(Uid) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_known_until_it_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(&directory.path().join("state"));
        assert_eq!(audit.standing().unwrap(), []);
        let of = |id: &str, port| Stands { code: Code::PortTaken, id: InstanceId::parse(id).ok(), port, uid: Some(Uid(7)) };
        let host = Stands { code: Code::PortEphemeral, id: None, port: None, uid: None };
        let (one, two) = (of("bob", Some(1)), of("bob", Some(2)));
        let all = [(one.clone(), true), (two.clone(), true), (two.clone(), true), (host.clone(), true)];
        audit.keep_events(&[], &all).unwrap();
        let told = || {
            let mut all = audit.standing().unwrap();
            all.sort();
            all
        };
        let mut expected = vec![host.clone(), one.clone(), two.clone()];
        expected.sort();
        assert_eq!(told(), expected);
        audit.keep_events(&[], &[(one, false), (host, false)]).unwrap();
        assert_eq!(told(), [two]);
    }
}
