//! What was intended about an instance and has no result.
//!
//! It must never make a trail where there is none.

use jiff::Timestamp;
use rusqlite::params;

use super::Audit;
use super::events::seconds;
use crate::control::left::LeftOver;
use crate::domain::{InstanceId, Shown};
use crate::error::{Context, Kind, Result};

impl Audit {
    /// The entries about this instance without a result, oldest first. Whoever holds the instance's lock knows that they were cut off.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn open_of(&self, id: &InstanceId) -> Result<Vec<LeftOver>> {
        let Some(connection) = self.store.reading()? else { return Ok(Vec::new()) };
        let doing = || self.store.reading_what();
        let query = "SELECT verb, asked_at FROM actions WHERE instance = ?1 AND ended_at IS NULL ORDER BY id";
        let mut statement = connection.prepare(query).while_doing(doing)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let rows = statement.query_map([id.to_string()], read).while_doing(doing)?;
        let mut open = Vec::new();
        for row in rows {
            let (verb, asked_at) = row.while_doing(doing)?;
            open.extend(asked_at.parse().ok().map(|asked_at| LeftOver { verb: Shown::new(&verb), asked_at }));
        }
        Ok(open)
    }

    /// Whether the last that was asked of an instance since then is its end, whatever came of it; what was refused does not count.
    pub fn is_to_be_down(&self, id: &InstanceId, since: Timestamp) -> bool {
        let query = "SELECT verb FROM actions WHERE instance = ?1 AND substr(asked_at, 1, 19) >= ?2 AND exit_code IS NOT ?3
                     AND (verb IN ('start', 'stop', 'restart') OR verb LIKE 'assign%') ORDER BY id DESC LIMIT 1";
        let Ok(Some(connection)) = self.store.reading() else { return false };
        let asked = params![id.to_string(), seconds(since), Kind::NotPermitted.exit_code()];
        connection.query_row(query, asked, |row| row.get::<_, String>(0)).is_ok_and(|verb| verb == "stop")
    }

    /// All that have no result: about whom, their numbers, what was asked for.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub fn open_orders(&self) -> Result<Vec<(InstanceId, i64, Shown)>> {
        let Some(connection) = self.store.reading()? else { return Ok(Vec::new()) };
        let doing = || self.store.reading_what();
        let query = "SELECT instance, id, verb FROM actions WHERE ended_at IS NULL ORDER BY id";
        let mut statement = connection.prepare(query).while_doing(doing)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?));
        let rows = statement.query_map([], read).while_doing(doing)?;
        let mut open = Vec::new();
        for row in rows {
            let (id, number, verb) = row.while_doing(doing)?;
            open.extend(InstanceId::parse(&id).ok().map(|id| (id, number, Shown::new(&verb))));
        }
        Ok(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Caller, Outcome, Role, State, Uid};

    #[test]
    fn what_was_asked_last_counts_and_not_what_was_refused() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(directory.path());
        let amy = InstanceId::parse("amy").unwrap();
        let (before, later) = (Timestamp::UNIX_EPOCH, Timestamp::now() + jiff::SignedDuration::from_secs(60));
        let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: None, role: Role::Admin, read_only: false };
        let ended = |verb: &str, exit_code| {
            let entry = audit.intend_deed(&caller, verb, &amy, None, None).unwrap();
            audit.conclude(entry, &Outcome { exit_code, sentence: Shown::from("over"), hints: vec![], log_lines: vec![] }).unwrap();
            (audit.is_to_be_down(&amy, before), audit.is_to_be_down(&amy, later))
        };
        assert!(!audit.is_to_be_down(&amy, before));
        let cases =
            [("start", 0, false), ("stop", 1, true), ("start", 3, true), ("adopt", 0, true), ("assign auto", 0, false), ("stop", 3, false)];
        for (verb, code, expected) in cases {
            assert_eq!(ended(verb, code), (expected, false), "{verb} {code}");
        }
    }

    #[test]
    fn f01_what_has_no_result_is_told_until_the_next_one_puts_it_down() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(&directory.path().join("state"));
        let (amy, bob) = (InstanceId::parse("amy").unwrap(), InstanceId::parse("bob").unwrap());
        assert_eq!(audit.open_of(&amy).unwrap(), []);
        assert!(!directory.path().join("state").exists());
        let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: None, role: Role::Admin, read_only: false };
        let intend = |verb: &str, found| audit.intend_deed(&caller, verb, &amy, None, found).unwrap();
        let told = |id: &InstanceId| audit.open_of(id).unwrap().iter().map(|one| one.verb.to_string()).collect::<Vec<_>>();
        intend("assign auto", None);
        assert_eq!((told(&amy), told(&bob)), (vec!["assign auto".to_owned()], vec![]));
        let entry = intend("start", Some(State::Stopped));
        assert_eq!(told(&amy), ["start"]);
        audit.conclude(entry, &Outcome { exit_code: 0, sentence: Shown::from("runs"), hints: vec![], log_lines: vec![] }).unwrap();
        assert_eq!(told(&amy), [""; 0]);
    }
}
