//! The audit trail: who asked for what and why, written before it is done, and what came of it, written after.
//!
//! It must never hold a secret, and never lose an entry that it has reported as written (full sync).

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::together::Together;
use crate::domain::{Caller, Order, Outcome};
use crate::error::{Context, Error, Result};

/// The file in the state directory.
const FILE: &str = "events.db";

/// The trail. Opened for each transaction: acting is rare, and a console that only looks opens nothing.
#[derive(Debug)]
pub struct Audit {
    state: PathBuf,
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
    verb: &'static str,
    instance: String,
    reason: Option<String>,
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
        Self { state: state.to_owned(), writing: Together::default() }
    }

    fn open(&self) -> Result<Connection> {
        let path = self.state.join(FILE);
        let doing = || format!("cannot open the audit trail {}", path.display());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.state).while_doing(doing)?;
        // Made by hand, because SQLite makes 0644 of it and the state directory may be an older, wider one.
        fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path).while_doing(doing)?;
        let connection = Connection::open(&path).while_doing(doing)?;
        connection.busy_timeout(Duration::from_secs(5)).while_doing(doing)?;
        // Kept, the journal costs no sync of the directory. No WAL: the state directory may lie on a network file system, sqlite.org/wal.html.
        connection
            .execute_batch(
                "PRAGMA synchronous = FULL;
                 PRAGMA journal_mode = PERSIST;
                 CREATE TABLE IF NOT EXISTS actions (
                    id INTEGER PRIMARY KEY, asked_at TEXT NOT NULL, uid INTEGER NOT NULL, login_uid INTEGER, name TEXT NOT NULL,
                    verb TEXT NOT NULL, instance TEXT NOT NULL, reason TEXT, ended_at TEXT, exit_code INTEGER, result TEXT);",
            )
            .while_doing(doing)?;
        Ok(connection)
    }

    /// Records what is about to be done; the entry's number.
    ///
    /// # Errors
    /// When it cannot be written: then it is not done, except stop.
    pub fn intend(&self, caller: &Caller, order: &Order) -> Result<i64> {
        let intent = Intent {
            asked_at: Timestamp::now(),
            uid: caller.uid.0,
            login: caller.login.map(|uid| uid.0),
            name: caller.name.to_string(),
            verb: order.verb.word(),
            instance: order.id.to_string(),
            reason: order.reason.clone(),
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
        let doing = || "cannot write to the audit trail".to_owned();
        let mut connection = self.open()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).while_doing(doing)?;
        let numbers: rusqlite::Result<Vec<i64>> = entries.iter().map(|entry| entry.write(&transaction)).collect();
        let numbers = numbers.while_doing(doing)?;
        transaction.commit().while_doing(doing)?;
        Ok(numbers)
    }
}

impl Entry {
    /// Its number.
    fn write(&self, connection: &Connection) -> rusqlite::Result<i64> {
        match self {
            Self::Intent(intent) => {
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
                    "UPDATE actions SET ended_at = ?2, exit_code = ?3, result = ?4 WHERE id = ?1",
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
    use crate::domain::{InstanceId, Role, Shown, Target, Uid, Verb};

    #[test]
    fn the_intent_stands_before_the_result() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(&directory.path().join("state"));
        let caller = Caller { uid: Uid(7), name: Shown::new("amy"), login: Some(Uid(7)), role: Role::Admin, read_only: false };
        let id = InstanceId::of_owner("bob").unwrap();
        let order = Order { verb: Verb::Stop, id, target: Target::Whatever, reason: Some("tired".to_owned()), timeout: None };
        let entry = audit.intend(&caller, &order).unwrap();
        let read = |connection: &Connection| {
            connection.query_row("SELECT verb || ' ' || instance || ' ' || reason, result FROM actions WHERE id = ?1", [entry], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
            })
        };
        let connection = audit.open().unwrap();
        let facts = fs::metadata(directory.path().join("state").join(FILE)).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&facts) & 0o777, 0o600);
        assert_eq!(read(&connection).unwrap(), ("stop bob tired".to_owned(), None));
        let outcome = Outcome { exit_code: 0, sentence: Shown::new("stopped"), hints: vec![], log_lines: vec![] };
        audit.conclude(entry, &outcome).unwrap();
        assert_eq!(read(&connection).unwrap().1.as_deref(), Some("stopped"));
    }
}
