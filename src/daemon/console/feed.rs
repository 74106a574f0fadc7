//! The picture for consoles: whole for who comes, then what changed since the picture that each has; made once for all who see the same.
//!
//! It must never keep anything for a reader: who is slow asks later, and is told what changed since.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use serde::Serialize;

use super::track::{Line, Track};
use crate::daemon::events::made;
use crate::domain::{Caller, Role, Shown, Snapshot, Uid};
use crate::link::Shared;

/// How many groups of readers are kept.
const GROUPS: usize = 64;

/// The feed.
#[derive(Default)]
pub struct Feed(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    number: u64,
    of: Option<Arc<Snapshot>>,
    /// The rows as those see them who may see all of them.
    whole: Track,
    /// The same as the table has them.
    table: Track,
    groups: HashMap<Group, Head>,
}

/// Those who see the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Group {
    Admins,
    /// Viewers who own nothing.
    Viewers,
    Owner(Uid),
    Stranger(Uid),
}

/// The picture without its rows, part by part, as a group sees it.
#[derive(Default)]
struct Head {
    number: u64,
    seen: Option<Snapshot>,
    parts: Vec<Part>,
    /// What was made of the newest picture, by the picture that a reader has.
    made: HashMap<Option<u64>, Bytes>,
}

struct Part {
    name: &'static str,
    text: String,
    changed: u64,
    /// Of a list, how it changed then, and the picture in which it had changed before that: for those who have it as it was in between.
    splice: Option<(u64, String)>,
}

impl Part {
    /// Puts in what is to be told of it to somebody who has picture `from`.
    fn write(&self, from: Option<u64>, into: &mut String) {
        // A String takes everything.
        let _ = match (&self.splice, from) {
            (Some((before, splice)), Some(from)) if *before <= from => write!(into, ",\"{}_splice\":{splice}", self.name),
            _ => write!(into, ",\"{}\":{}", self.name, self.text),
        };
    }
}

/// A viewer who owns nothing: -1 is nobody's uid, setreuid(2).
fn nobody() -> Caller {
    Caller { uid: Uid(u32::MAX), name: Shown::from("nobody"), login: None, role: Role::Viewer, read_only: true }
}

impl Feed {
    /// The number of the newest picture, and what to tell somebody who has picture `from` (`None`: nothing yet); nothing where it is the same.
    pub fn since(&self, shared: &dyn Shared, caller: &Caller, newest: &Arc<Snapshot>, from: Option<u64>) -> (u64, Option<Bytes>) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, newest)) {
            inner.number += 1;
            inner.of = Some(Arc::clone(newest));
        }
        let number = inner.number;
        if from == Some(number) {
            return (number, None);
        }
        let group = inner.group(caller);
        inner.follow(shared, newest, group);
        (number, Some(inner.told(shared, caller, newest, group, from)))
    }
}

impl Inner {
    fn group(&self, caller: &Caller) -> Group {
        let owns = |of: &Snapshot| of.rows.iter().any(|row| row.uid == caller.uid);
        match caller.role {
            Role::Admin => Group::Admins,
            Role::Stranger => Group::Stranger(caller.uid),
            Role::Viewer if self.of.as_deref().is_some_and(owns) => Group::Owner(caller.uid),
            Role::Viewer => Group::Viewers,
        }
    }

    /// Brings the rows that a group sees to the newest picture.
    fn follow(&mut self, shared: &dyn Shared, newest: &Arc<Snapshot>, group: Group) {
        let number = self.number;
        if group != Group::Viewers && self.whole.number != number {
            self.whole.follow(shared, &newest.rows, number);
        }
        if matches!(group, Group::Viewers | Group::Owner(_)) && self.table.number != number {
            self.table.follow(shared, &shared.seen_by(&nobody(), newest).rows, number);
        }
    }

    fn told(&mut self, shared: &dyn Shared, caller: &Caller, newest: &Snapshot, group: Group, from: Option<u64>) -> Bytes {
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&group) {
            self.groups.clear();
        }
        let Self { number, whole, table, groups, .. } = self;
        let number = *number;
        let head = groups.entry(group).or_default();
        // Who saw as somebody else before has not what this group had.
        let from = from.filter(|from| *from <= head.number);
        if head.number != number {
            head.follow(shared.head(caller, newest), number);
        }
        let forgotten = match group {
            Group::Admins | Group::Stranger(_) => whole.forgotten,
            Group::Viewers | Group::Owner(_) => whole.forgotten.max(table.forgotten),
        };
        let from = from.filter(|from| *from >= forgotten);
        if let Some(made) = head.made.get(&from) {
            return made.clone();
        }
        let mut text = String::with_capacity(4096);
        text.push('{');
        if let Some(from) = from {
            // A String takes everything.
            let _ = write!(text, "\"from\":{from},");
        }
        let _ = write!(text, "\"sequence\":{number},\"taken\":{}", json(&newest.taken));
        let is_new = |changed: u64| from.is_none_or(|from| changed > from);
        head.parts.iter().filter(|part| is_new(part.changed)).for_each(|part| part.write(from, &mut text));
        let is_own = |uid: Uid| match group {
            Group::Admins => true,
            Group::Viewers => false,
            Group::Owner(own) | Group::Stranger(own) => uid == own,
        };
        let sees_table = matches!(group, Group::Viewers | Group::Owner(_));
        text.push_str(",\"rows\":[");
        let begin = text.len();
        let mut put = |line: &Line| {
            if is_new(line.changed) {
                if text.len() > begin {
                    text.push(',');
                }
                line.write(from, &mut text);
            }
        };
        if sees_table {
            // Of both there is each row, in one order: it is told from the one or the other.
            let own: HashMap<_, _> = match group {
                Group::Owner(_) => whole.lines.iter().filter(|line| is_own(line.uid)).map(|line| (&line.id, line)).collect(),
                _ => HashMap::new(),
            };
            table.lines.iter().for_each(|line| put(own.get(&line.id).copied().unwrap_or(line)));
        } else {
            whole.lines.iter().filter(|line| is_own(line.uid)).for_each(&mut put);
        }
        text.push(']');
        if let Some(from) = from {
            let track = if sees_table { &*table } else { &*whole };
            let gone = track.gone.iter().filter(|gone| gone.number > from && (sees_table || is_own(gone.uid)));
            let gone: Vec<_> = gone.map(|gone| &gone.id).collect();
            if !gone.is_empty() {
                let _ = write!(text, ",\"removed\":{}", json(&gone));
            }
        }
        text.push('}');
        let event = made(if from.is_some() { "changes" } else { "snapshot" }, number, &text);
        head.made.insert(from, event.clone());
        event
    }
}

impl Head {
    /// Brings it to picture `number`: what changed is written anew.
    fn follow(&mut self, new: Snapshot, number: u64) {
        self.made.clear();
        self.number = number;
        let old = self.seen.take();
        let old = old.as_ref();
        let parts = &mut self.parts;
        let mut at = 0;
        let mut part = |name: &'static str, is_same: bool, text: &dyn Fn() -> (String, Option<String>)| {
            if parts.len() == at {
                parts.push(Part { name, text: text().0, changed: number, splice: None });
            } else if !is_same && let Some(part) = parts.get_mut(at) {
                let (whole, splice) = text();
                let splice = splice.map(|splice| (part.changed, splice));
                *part = Part { name, text: whole, changed: number, splice };
            }
            at += 1;
        };
        let plain = |text: String| (text, None);
        part("host", old.is_some_and(|old| old.host == new.host), &|| plain(json(&new.host)));
        part("range", old.is_some_and(|old| old.range == new.range), &|| plain(json(&new.range)));
        part("reserved", old.is_some_and(|old| old.reserved == new.reserved), &|| plain(json(&new.reserved)));
        part("allotments", old.is_some_and(|old| old.allotments == new.allotments), &|| plain(json(&new.allotments)));
        part("ephemeral", old.is_some_and(|old| old.ephemeral == new.ephemeral), &|| plain(json(&new.ephemeral.as_slice())));
        part("findings", old.is_some_and(|old| old.findings == new.findings), &|| {
            (json(&new.findings), old.map(|old| splice(&old.findings, &new.findings)))
        });
        part("totals", old.is_some_and(|old| old.totals == new.totals), &|| plain(json(&new.totals)));
        part("host_reading", old.is_some_and(|old| old.host_reading == new.host_reading), &|| plain(json(&new.host_reading)));
        part("file_systems", old.is_some_and(|old| old.file_systems == new.file_systems), &|| plain(json(&new.file_systems)));
        part("listeners", old.is_some_and(|old| old.listeners == new.listeners), &|| {
            let lists = old.and_then(|old| old.listeners.as_ref().known().zip(new.listeners.as_ref().known()));
            (json(&new.listeners), lists.map(|(old, new)| splice(old, new)))
        });
        part("announced", old.is_some_and(|old| old.announced == new.announced), &|| plain(json(&new.announced.as_slice())));
        part("underway", old.is_some_and(|old| old.underway == new.underway), &|| plain(json(&new.underway)));
        part("notified", old.is_some_and(|old| old.notified == new.notified), &|| plain(json(&new.notified.as_slice())));
        part("notices", old.is_some_and(|old| old.notices == new.notices), &|| plain(json(&new.notices)));
        self.seen = Some(new);
    }
}

/// How a list changed, as [`crate::link::wire::Splice`] reads it: of a thousand findings one is new, and none of the others is told again.
fn splice<T: PartialEq + Serialize>(old: &[T], new: &[T]) -> String {
    let first = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let most = old.len().min(new.len()) - first;
    let last = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(old, new)| old == new).count();
    let middle = new.get(first..new.len() - last).unwrap_or_default();
    format!("{{\"first\":{first},\"last\":{last},\"new\":{}}}", json(&middle))
}

fn json(value: &impl Serialize) -> String {
    // Facts have a form, all of them.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
