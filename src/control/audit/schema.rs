//! What is in the file, by its number: what an older berth made is brought up to it, once.
//!
//! It must never take anything away from what a later berth made: that has at least these tables.

use rusqlite::{Connection, TransactionBehavior};

/// The number of these tables, in SQLite's `user_version`. A file without one is of a berth that gave none.
const VERSION: i64 = 1;

/// How long the journal may stay, bytes: it is kept, so that it need not be made for each transaction, and one large sweep would leave it large.
const JOURNAL: u32 = 1024 * 1024;

/// Times of events are microseconds, so that they can be compared. Who looks for what an action brought about asks for the newest actions
/// of one instance. What stands has no gaps for a primary key to be compared by: no instance is '', no port is 0.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS actions (
        id INTEGER PRIMARY KEY, asked_at TEXT NOT NULL, uid INTEGER NOT NULL, login_uid INTEGER, name TEXT NOT NULL,
        verb TEXT NOT NULL, instance TEXT NOT NULL, reason TEXT, ended_at TEXT, exit_code INTEGER, result TEXT);
    CREATE INDEX IF NOT EXISTS actions_instance ON actions (instance, id);
    CREATE TABLE IF NOT EXISTS events (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, level TEXT NOT NULL, instance TEXT, uid INTEGER, finding TEXT,
        sentence TEXT NOT NULL, brief TEXT);
    CREATE INDEX IF NOT EXISTS events_at ON events (at);
    CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS standing (
        finding TEXT NOT NULL, instance TEXT NOT NULL, port INTEGER NOT NULL, uid INTEGER, PRIMARY KEY (finding, instance, port)) WITHOUT ROWID;";

/// SQLite's word for files that can give single pages back.
const INCREMENTAL: i64 = 2;

/// Has a connection write as this file is written, and the tables be there.
///
/// # Errors
/// When the file is none, or is being written for too long.
pub(super) fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    // Kept, the journal costs no sync of the directory. No WAL: the state directory may lie on a network file system, sqlite.org/wal.html.
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_mode = PERSIST;")?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL)?;
    if number(connection, "user_version")? >= VERSION {
        return Ok(());
    }
    // Only a file without tables takes it; an older one is made anew by `shrink`.
    connection.pragma_update(None, "auto_vacuum", INCREMENTAL)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Gives the room of what was forgotten back to the file system.
///
/// # Errors
/// When somebody else is at it.
pub(super) fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    if number(connection, "auto_vacuum")? != INCREMENTAL {
        return connection.execute_batch(&format!("PRAGMA auto_vacuum = {INCREMENTAL}; VACUUM;"));
    }
    // Each step gives one page back.
    let mut statement = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

fn number(connection: &Connection, pragma: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, pragma, |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &std::path::Path) -> Connection {
        let mut connection = Connection::open(path).unwrap();
        prepare(&mut connection).unwrap();
        connection
    }

    #[test]
    fn an_older_berths_file_gets_what_it_lacks_and_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.db");
        let old = Connection::open(&path).unwrap();
        let tables = TABLES.split_once("CREATE INDEX").unwrap().0;
        old.execute_batch(&format!(
            "{tables} INSERT INTO actions VALUES (7, 'then', 0, NULL, 'amy', 'stop', 'bob', NULL, NULL, NULL, NULL);"
        ))
        .unwrap();
        drop(old);
        let new = open(&path);
        assert_eq!(new.query_row("SELECT id FROM actions WHERE instance = 'bob'", [], |row| row.get::<_, i64>(0)), Ok(7));
        assert_eq!(new.query_row("SELECT count(*) FROM standing", [], |row| row.get::<_, i64>(0)), Ok(0));
        assert_eq!(number(&new, "user_version"), Ok(VERSION));
        let plan = "EXPLAIN QUERY PLAN SELECT asked_at FROM actions WHERE instance = 'bob' ORDER BY id DESC LIMIT 9";
        let plan: String = new.query_row(plan, [], |row| row.get(3)).unwrap();
        assert!(plan.contains("USING INDEX actions_instance"), "{plan}");
        shrink(&new).unwrap();
        assert_eq!(number(&new, "auto_vacuum"), Ok(INCREMENTAL), "made anew once");
        // A later berth's number stays.
        new.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert_eq!(number(&open(&path), "user_version"), Ok(VERSION + 1));
    }

    #[test]
    fn what_was_forgotten_takes_no_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events.db");
        let file = open(&path);
        let size = || std::fs::metadata(&path).unwrap().len();
        let empty = size();
        file.execute_batch("BEGIN").unwrap();
        for number in 0..2000 {
            file.execute("INSERT INTO kept VALUES (?1, ?2)", [number.to_string(), "x".repeat(500)]).unwrap();
        }
        file.execute_batch("COMMIT").unwrap();
        let full = size();
        file.execute_batch("DELETE FROM kept").unwrap();
        assert_eq!(size(), full);
        shrink(&file).unwrap();
        assert!(size() <= empty + 64 * 1024, "{empty}, {full}, {}", size());
        let journal = std::fs::metadata(directory.path().join("events.db-journal")).map_or(0, |facts| facts.len());
        assert!(journal <= u64::from(JOURNAL), "{journal}");
    }
}
