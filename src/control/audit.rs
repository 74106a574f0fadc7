//! The audit trail: who asked for what and why, written before it is done, and what came of it, written after.
//!
//! It must never hold a secret, and never lose an entry that it has reported as written (full sync).

mod events;
mod many;
mod open;
mod read;
mod schema;
mod standing;
mod store;
mod sweep;

pub use store::Stamp;

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::journal::{Journal, Line};
use super::together::Together;
use crate::domain::{Caller, EventKind, InstanceId, Level, Order, Outcome, State};
use crate::error::{Error, Kind, Result};
use store::Store;

/// The trail. Opened for each transaction: acting is rare, and a console that only looks opens nothing.
#[derive(Debug)]
pub struct Audit {
    store: Store,
    journal: Journal,
    writing: Together<Entry, std::result::Result<i64, String>>,
}

/// What is written.
#[derive(Debug)]
enum Entry {
    Intent(Intent),
    End(End),
}

/// What is about to be done.
#[derive(Debug)]
struct Intent {
    asked_at: Timestamp,
    uid: u32,
    login: Option<u32>,
    name: String,
    verb: String,
    instance: String,
    reason: Option<String>,
    /// As what the instance was found by the holder of its lock.
    found: Option<State>,
}

/// What came of it.
#[derive(Debug)]
struct End {
    entry: i64,
    ended_at: Timestamp,
    exit_code: u8,
    result: String,
}

impl Audit {
    /// The trail in a state directory.
    pub fn below(state: &Path) -> Self {
        Self { store: Store::below(state), journal: Journal::default(), writing: Together::default() }
    }

    /// The same, each action told to the host's journal as well.
    pub fn with_journal(self, journal: Journal) -> Self {
        Self { journal, ..self }
    }

    /// Records what is about to be done; the entry's number.
    ///
    /// Whoever holds the instance's lock says as what the instance was `found`: nobody else acts on it then, and earlier orders without a
    /// result were cut off, for whoever carried them out was killed. That is put down in the same transaction.
    ///
    /// # Errors
    /// When it cannot be written: then it is not done, except stop.
    pub fn intend(&self, caller: &Caller, order: &Order, found: Option<State>) -> Result<i64> {
        self.intend_deed(caller, &order.verb.to_string(), &order.id, order.reason.clone(), found)
    }

    /// The same of what is no order: `verb` says what is about to be done.
    ///
    /// # Errors
    /// As [`Audit::intend`].
    pub fn intend_deed(&self, caller: &Caller, verb: &str, id: &InstanceId, reason: Option<String>, found: Option<State>) -> Result<i64> {
        let intent = Intent {
            asked_at: Timestamp::now(),
            uid: caller.uid.0,
            login: caller.login.map(|uid| uid.0),
            name: caller.name.to_string(),
            verb: verb.to_owned(),
            instance: id.to_string(),
            reason,
            found,
        };
        self.write(Entry::Intent(intent), "cannot record what is to be done")
    }

    /// Records what came of it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn conclude(&self, entry: i64, outcome: &Outcome) -> Result<()> {
        let (exit_code, result) = (outcome.exit_code, outcome.sentence.to_string());
        let end = End { entry, ended_at: Timestamp::now(), exit_code, result };
        self.write(Entry::End(end), "cannot record what came of it").map(drop)
    }

    /// Writes an entry together with those of everybody who writes at the same time: one transaction waits for the disk as long as many
    /// entries in it do.
    fn write(&self, entry: Entry, doing: &str) -> Result<i64> {
        let written = self.writing.hand_in(entry, |entries| match self.write_all(&entries) {
            Ok(numbers) => numbers.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error.chain()); entries.len()],
        });
        match written {
            Some(Ok(number)) => Ok(number),
            Some(Err(why)) => Err(Error::failed(format!("{doing}: {why}"))),
            None => Err(Error::failed(doing.to_owned())),
        }
    }

    fn write_all(&self, entries: &[Entry]) -> Result<Vec<i64>> {
        let (numbers, told) = self.store.write("cannot write to the audit trail", |transaction| {
            let numbers: rusqlite::Result<Vec<i64>> = entries.iter().map(|entry| entry.write(transaction)).collect();
            let ended = entries.iter().filter_map(|entry| if let Entry::End(end) = entry { Some(end) } else { None });
            let told: rusqlite::Result<Vec<Line>> =
                if self.journal.is_off() { Ok(Vec::new()) } else { ended.map(|end| end.line(transaction)).collect() };
            Ok((numbers?, told?))
        })?;
        told.iter().for_each(|line| self.journal.tell(line));
        Ok(numbers)
    }

    /// Where actions are told beside the trail.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }
}

impl End {
    /// For the host's journal: the whole action, now that it has an end.
    fn line(&self, connection: &Connection) -> rusqlite::Result<Line> {
        let of = "SELECT verb, instance, name, uid, login_uid, reason FROM actions WHERE id = ?1";
        connection.query_row(of, [self.entry], |row| {
            let text = |column| row.get::<_, String>(column);
            let (verb, id, by) = (text(0)?, text(1)?, text(2)?);
            let login = row.get::<_, Option<u32>>(4)?.map(|uid| uid.to_string()).unwrap_or_default();
            let reason = row.get::<_, Option<String>>(5)?.unwrap_or_default();
            let why = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
            let level = if self.exit_code == 0 { Level::Note } else { Level::Warning };
            let message = format!("{id}: {verb} by {by}{why}: {}", self.result);
            Ok(Line::new(level, EventKind::Action, &message)
                .with("BERTH_ID", &id)
                .with("BERTH_VERB", &verb)
                .with("BERTH_BY", &by)
                .with("BERTH_UID", &row.get::<_, u32>(3)?.to_string())
                .with("BERTH_LOGIN_UID", &login)
                .with("BERTH_REASON", &reason)
                .with("BERTH_EXIT_CODE", &self.exit_code.to_string()))
        })
    }
}

impl Entry {
    /// Its number.
    fn write(&self, connection: &Connection) -> rusqlite::Result<i64> {
        match self {
            Self::Intent(intent) => {
                if let Some(found) = intent.found {
                    let cut_off = format!("cut off: berth ended in the middle of it; the next order found it {}", found.word());
                    connection.execute(
                        "UPDATE actions SET ended_at = ?2, exit_code = ?3, result = ?4 WHERE instance = ?1 AND ended_at IS NULL",
                        params![intent.instance, intent.asked_at.to_string(), Kind::Failed.exit_code(), cut_off],
                    )?;
                }
                connection.execute(
                    "INSERT INTO actions (asked_at, uid, login_uid, name, verb, instance, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        intent.asked_at.to_string(),
                        intent.uid,
                        intent.login,
                        intent.name,
                        intent.verb,
                        intent.instance,
                        intent.reason
                    ],
                )?;
                Ok(connection.last_insert_rowid())
            }
            Self::End(end) => {
                connection.execute(
                    // What was found of it afterwards does not stand above what came of it.
                    "UPDATE actions SET ended_at = ?2, exit_code = ?3, result = ?4
                     WHERE id = ?1 AND (ended_at IS NULL OR result LIKE 'unknown: %')",
                    params![end.entry, end.ended_at.to_string(), end.exit_code, end.result],
                )?;
                Ok(end.entry)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use super::store::FILE;
    use crate::domain::{Deed, InstanceId, Role, Shown, Target, Uid, Verb};

    #[test]
    fn the_intent_stands_before_the_result() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(&directory.path().join("state"));
        let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: Some(Uid(7)), role: Role::Admin, read_only: false };
        let id = InstanceId::of_owner("bob").unwrap();
        let order = Order { verb: Verb::Stop, id, target: Target::Whatever, reason: Some("tired".to_owned()), timeout: None };
        let entry = audit.intend(&caller, &order, None).unwrap();
        let read = |connection: &Connection| {
            connection.query_row("SELECT verb || ' ' || instance || ' ' || reason, result FROM actions WHERE id = ?1", [entry], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
            })
        };
        let connection = audit.store.open().unwrap();
        let facts = fs::metadata(directory.path().join("state").join(FILE)).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&facts) & 0o777, 0o600);
        assert_eq!(read(&connection).unwrap(), ("stop bob tired".to_owned(), None));
        let outcome = Outcome { exit_code: 0, sentence: Shown::new("stopped"), hints: vec![], log_lines: vec![] };
        audit.conclude(entry, &outcome).unwrap();
        assert_eq!(read(&connection).unwrap().1.as_deref(), Some("stopped"));
    }

    fn caller(uid: u32, name: &str, login: u32) -> Caller {
        Caller { uid: Uid(uid), name: Shown::new(name), login: Some(Uid(login)), role: Role::Admin, read_only: false }
    }

    fn account(uid: Uid) -> Shown {
        Shown::new(if uid == Uid(7) { "amy" } else { "?" })
    }

    #[test]
    fn the_last_entries_come_oldest_first_with_who_and_why() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(directory.path());
        let order = |verb, name: &str, reason: Option<&str>| {
            let id = InstanceId::parse(name).unwrap();
            Order { verb, id, target: Target::Whatever, reason: reason.map(str::to_owned), timeout: None }
        };
        audit.intend(&caller(0, "root", 0), &order(Verb::Start, "bob", None), None).unwrap();
        let entry = audit.intend(&caller(0, "root", 7), &order(Verb::Stop, "bob/tools", Some("tired\u{1b}[2J")), None).unwrap();
        let outcome = Outcome { exit_code: 5, sentence: Shown::new("still there"), hints: vec![], log_lines: vec![] };
        audit.conclude(entry, &outcome).unwrap();
        audit.intend(&caller(7, "amy", 7), &order(Verb::Start, "carol", None), None).unwrap();
        let deeds = audit.last(2, account).unwrap();
        let told = |deed: &Deed| format!("{} {} {}", deed.by, deed.verb, deed.id.as_ref().map(ToString::to_string).unwrap_or_default());
        assert_eq!(deeds.iter().map(told).collect::<Vec<_>>(), ["amy as root stop bob/tools", "amy start carol"]);
        assert!(!deeds[0].reason.as_ref().unwrap().as_str().contains('\u{1b}'));
        let result = deeds[0].result.as_ref().unwrap();
        assert_eq!((result.done, result.sentence.as_str()), (false, "still there"));
        assert_eq!(deeds[1].result, None);
        assert_eq!(audit.last(100, account).unwrap().len(), 3);
    }

    #[test]
    fn where_nothing_was_recorded_there_is_nothing_and_looking_makes_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(&directory.path().join("state"));
        assert_eq!(audit.last(10, account).unwrap(), []);
        assert!(!directory.path().join("state").exists());
    }

    #[test]
    fn f01_what_was_cut_off_is_put_down_as_that() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(directory.path());
        let order = |name| {
            let id = InstanceId::parse(name).unwrap();
            Order { verb: Verb::Start, id, target: Target::Whatever, reason: None, timeout: None }
        };
        let amy = caller(7, "amy", 7);
        let done = audit.intend(&amy, &order("bob"), Some(State::Stopped)).unwrap();
        let outcome = Outcome { exit_code: 0, sentence: Shown::new("running"), hints: vec![], log_lines: vec![] };
        audit.conclude(done, &outcome).unwrap();
        audit.intend(&amy, &order("bob"), Some(State::Stopped)).unwrap();
        audit.intend(&amy, &order("carol"), Some(State::Stopped)).unwrap();
        // Without the lock nobody knows whether the other one is still at it.
        audit.intend(&amy, &order("bob"), None).unwrap();
        assert_eq!(audit.last(9, account).unwrap().iter().filter(|deed| deed.result.is_none()).count(), 3);
        audit.intend(&amy, &order("bob"), Some(State::Running)).unwrap();
        let told: Vec<_> = audit.last(9, account).unwrap().into_iter().map(|deed| deed.result).collect();
        assert_eq!(told[0].as_ref().map(|result| result.sentence.as_str()), Some("running"));
        for cut in [&told[1], &told[3]] {
            let cut = cut.as_ref().unwrap();
            assert!(!cut.done && cut.sentence.as_str().ends_with("found it running"), "{cut:?}");
        }
        assert!(told[2].is_none() && told[4].is_none(), "another instance's order may be under way, and this one is");
    }

    #[test]
    fn what_is_no_trail_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "not a database, but long enough to be taken for the header of one").unwrap();
        let error = Audit::below(directory.path()).last(10, account).unwrap_err();
        assert!(error.chain().contains(FILE), "{}", error.chain());
    }
}
