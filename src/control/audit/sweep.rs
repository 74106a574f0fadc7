//! What is old and what is too much is forgotten, by age and by count.
//!
//! It must never let events crowd out actions, nor one account's entries those of another: each table has its own count, and in it whoever has
//! the most gives room.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::Audit;
use super::events::seconds;
use crate::error::Result;

/// A table, whose each entry is, and of which entries only some may go.
struct Table {
    name: &'static str,
    whose: &'static str,
    only: &'static str,
}

/// An action is the person's who asked; one that is under way is to be told its end. An event is that of whose instance it is about; the host's
/// own are nobody's.
const TABLES: [Table; 2] = [
    Table { name: "events", whose: "uid", only: "" },
    Table { name: "actions", whose: "ifnull(login_uid, uid)", only: " AND ended_at IS NOT NULL" },
];

impl Audit {
    /// Forgets what is older than `keep`, and beyond `most` the oldest of those who have the most: of the events, and of the actions that have
    /// an end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sweep(&self, now: Timestamp, keep: Option<Duration>, most: u64) -> Result<usize> {
        let oldest = keep.and_then(|keep| now.checked_sub(SignedDuration::try_from(keep).ok()?).ok());
        let gone = self.store.write("cannot forget what is old in", |transaction| {
            let mut gone = 0;
            if let Some(oldest) = oldest {
                gone += transaction.execute("DELETE FROM events WHERE at < ?1", [oldest.as_microsecond()])?;
                let ended = "DELETE FROM actions WHERE ended_at IS NOT NULL AND substr(asked_at, 1, 19) < ?1";
                gone += transaction.execute(ended, [seconds(oldest)])?;
            }
            for table in &TABLES {
                gone += table.cut(transaction, most)?;
            }
            Ok(gone)
        })?;
        // The room that cannot be given back now is given back the next time.
        if gone > 0 {
            drop(self.store.shrink());
        }
        Ok(gone)
    }
}

impl Table {
    /// Takes the oldest of those who have the most away, until there are no more than `most` in all; how many.
    fn cut(&self, connection: &Connection, most: u64) -> rusqlite::Result<usize> {
        let Self { name, whose, only } = self;
        let all: i64 = connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))?;
        if all.unsigned_abs() <= most {
            return Ok(0);
        }
        let mut statement = connection.prepare(&format!("SELECT {whose}, count(*) FROM {name} GROUP BY 1"))?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, Option<u32>>(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        let counts: Vec<(Option<u32>, u64)> = rows.collect::<rusqlite::Result<_>>()?;
        let share = share(counts.iter().map(|(_, count)| *count).collect(), most);
        let mut gone = 0;
        for (account, _) in counts.iter().filter(|(_, count)| *count > share) {
            let first = format!("SELECT id FROM {name} WHERE {whose} IS ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2");
            let offset = i64::try_from(share).unwrap_or(i64::MAX);
            let beyond: Option<i64> = connection.query_row(&first, params![account, offset], |row| row.get(0)).optional()?;
            if let Some(beyond) = beyond {
                gone +=
                    connection.execute(&format!("DELETE FROM {name} WHERE {whose} IS ?1 AND id <= ?2{only}"), params![account, beyond])?;
            }
        }
        Ok(gone)
    }
}

/// How many entries of one account are kept, so that all have no more than `most`: who has fewer keeps them all. One of each, at least.
fn share(mut counts: Vec<u64>, most: u64) -> u64 {
    counts.sort_unstable();
    let (mut room, mut left) = (most, u64::try_from(counts.len()).unwrap_or(u64::MAX));
    for count in counts {
        // Of what is left each may have as much; who needs less leaves it to the others.
        let each = room / left.max(1);
        if count > each {
            return each.max(1);
        }
        (room, left) = (room.saturating_sub(count), left.saturating_sub(1));
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Caller, InstanceId, Outcome, Role, Shown, Uid};

    #[test]
    fn whoever_has_the_most_gives_room() {
        let cases: [(&[u64], u64, u64); 9] = [
            (&[], 10, u64::MAX),
            (&[10], 10, u64::MAX),
            (&[11], 10, 10),
            (&[2, 100], 10, 8),
            (&[100, 2], 10, 8),
            (&[1, 2, 100, 100], 11, 4),
            (&[4, 4, 4], 12, u64::MAX),
            (&[4, 4, 5], 12, 4),
            (&[9, 9, 9], 2, 1),
        ];
        for (counts, most, expected) in cases {
            assert_eq!(share(counts.to_vec(), most), expected, "{counts:?} of {most}");
        }
    }

    #[test]
    fn one_accounts_entries_push_no_others_out() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::below(directory.path());
        let caller = |uid, login: Option<u32>, role| Caller {
            uid: Uid(uid),
            name: Shown::new(&uid.to_string()),
            login: login.map(Uid),
            role,
            read_only: false,
        };
        let refused = Outcome { exit_code: 3, sentence: Shown::from("refused: no"), hints: vec![], log_lines: vec![] };
        let act = |caller: &Caller, times: usize| {
            let ids: Vec<_> = (0..times).map(|_| (InstanceId::parse("bob").unwrap(), None)).collect();
            let entries = audit.intend_all(caller, "stop", &ids).unwrap();
            audit.conclude_all(&entries.iter().map(|entry| (*entry, &refused)).collect::<Vec<_>>()).unwrap();
        };
        // An admin acts with root's uid at the daemon, in the own name.
        act(&caller(0, Some(7), Role::Admin), 3);
        act(&caller(1, None, Role::Admin), 2);
        act(&caller(9, None, Role::Stranger), 50);
        assert_eq!(audit.sweep(Timestamp::now(), None, 20).unwrap(), 35);
        let left = audit.last(99, |uid| Shown::new(&uid.to_string())).unwrap();
        let count = |by: &str| left.iter().filter(|deed| deed.by.as_str() == by).count();
        assert_eq!((count("7 as 0"), count("1"), count("9")), (3, 2, 15));
        assert_eq!(audit.sweep(Timestamp::now(), None, 20).unwrap(), 0);
    }
}
