//! Reading the trail: the last actions, with who and why.
//!
//! It must never make a file where there is none.

use rusqlite::params;

use super::Audit;
use super::events::seconds;
use crate::domain::{Deed, DeedResult, EventQuery, InstanceId, Shown, Uid};
use crate::error::{Context, Result};

impl Audit {
    /// The last `count` entries, oldest first.
    ///
    /// # Errors
    /// As [`Audit::deeds`].
    pub fn last(&self, count: usize, account: impl FnMut(Uid) -> Shown) -> Result<Vec<Deed>> {
        self.deeds(&EventQuery { last: count, since: None, user: None, id: None }, account)
    }

    /// The newest entries that are asked for, oldest first. None where nothing was ever recorded: looking makes no file. `account` names a uid.
    ///
    /// # Errors
    /// When the caller may not read the trail, or it cannot be read.
    pub fn deeds(&self, query: &EventQuery, mut account: impl FnMut(Uid) -> Shown) -> Result<Vec<Deed>> {
        let Some(connection) = self.store.reading()? else { return Ok(Vec::new()) };
        let doing = || self.store.reading_what();
        let mut statement = connection
            .prepare(
                "SELECT id, asked_at, uid, login_uid, name, verb, instance, reason, ended_at, exit_code, result FROM actions
                 WHERE (?1 IS NULL OR substr(asked_at, 1, 19) >= ?1) AND (?2 IS NULL OR instance = ?2)
                 AND (?3 IS NULL OR instance = ?3 OR substr(instance, 1, length(?3) + 1) = ?3 || '/')
                 ORDER BY id DESC LIMIT ?4",
            )
            .while_doing(doing)?;
        let count = i64::try_from(query.last).unwrap_or(i64::MAX);
        let id = query.id.as_ref().map(ToString::to_string);
        let asked = params![query.since.map(seconds), id, query.user, count];
        let rows = statement.query_map(asked, Recorded::of).while_doing(doing)?;
        let mut deeds = Vec::new();
        for row in rows {
            // An entry whose time nobody can read has no place among the others.
            deeds.extend(row.while_doing(doing)?.deed(&mut account));
        }
        deeds.retain(|deed: &Deed| query.since.is_none_or(|since| deed.asked_at >= since));
        deeds.reverse();
        Ok(deeds)
    }
}

/// A line of the table.
struct Recorded {
    number: i64,
    asked_at: String,
    uid: u32,
    login: Option<u32>,
    name: String,
    verb: String,
    instance: String,
    reason: Option<String>,
    ended_at: Option<String>,
    exit_code: Option<i64>,
    result: Option<String>,
}

impl Recorded {
    fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            asked_at: row.get(1)?,
            uid: row.get(2)?,
            login: row.get(3)?,
            name: row.get(4)?,
            verb: row.get(5)?,
            instance: row.get(6)?,
            reason: row.get(7)?,
            ended_at: row.get(8)?,
            exit_code: row.get(9)?,
            result: row.get(10)?,
        })
    }

    fn deed(self, account: &mut impl FnMut(Uid) -> Shown) -> Option<Deed> {
        let result = self.ended_at.and_then(|at| at.parse().ok()).map(|at| DeedResult {
            at,
            done: self.exit_code == Some(0),
            sentence: Shown::new(&self.result.unwrap_or_default()),
        });
        let by = match self.login {
            Some(login) if login != self.uid => {
                let person = account(Uid(login));
                // An admin's order at the daemon is in the admin's own name already.
                if person.as_str() == self.name { person } else { Shown::new(&format!("{person} as {}", self.name)) }
            }
            _ => Shown::new(&self.name),
        };
        Some(Deed {
            number: self.number,
            asked_at: self.asked_at.parse().ok()?,
            uid: Uid(self.uid),
            by,
            verb: Shown::new(&self.verb),
            id: InstanceId::parse(&self.instance).ok(),
            reason: self.reason.map(|reason| Shown::new(&reason)),
            result,
        })
    }
}
