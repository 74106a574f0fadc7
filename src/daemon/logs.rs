//! `GET /v1/instances/{id}/logs`: the last lines of a log, and with `follow=1` what is written after them.
//!
//! It must never open a log itself, nor hold back lines for a reader that takes none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, document};
use super::events::{Gone, Sink, asked, line, response};
use super::hub::{ANSWERED, Hub, Turn, Work, within};
use super::routes::Peer;
use super::who::Rights;
use crate::domain::{InstanceId, LogLevel, LogLine, LogLineKind, LogView, Verb};
use crate::link::Tail;
use crate::present::json::{SCHEMA, timestamp};

/// How many lines are given where nobody says how many, and at most.
const LINES: usize = 50;
const MOST: usize = 1000;

/// How long a log may take to be read for the first time.
const FIRST: Duration = Duration::from_secs(2);

/// How many lines one event has at most.
const AT_ONCE: usize = 200;

/// Answers.
pub async fn answer(hub: &Arc<Hub>, peer: &Peer, id: InstanceId, query: Option<&str>) -> Answer {
    let turn = hub.turn(peer.caller.uid, Work::Log)?;
    let count = asked(query, "lines").unwrap_or(LINES).min(MOST);
    let (shared, caller, of) = (Arc::clone(&hub.shared), Arc::clone(&peer.caller), id.clone());
    // Held by who works, not by who waits: a caller that hangs up does not have more under way than others.
    let (tail, turn) = within(ANSWERED, move || Ok((shared.tail(&caller, &of)?, turn))).await?;
    let mut version = tail.version();
    // What is not read by then is told as that, or follows.
    drop(tokio::time::timeout(FIRST, version.wait_for(|version| *version > 0)).await);
    if asked(query, "follow") != Some(1) {
        let view = tail.lines(None, count);
        let lines: Vec<Value> = view.lines.iter().map(told).collect();
        let notice = view.notice.as_ref().map(ToString::to_string);
        return Ok(document(StatusCode::OK, &json!({ "schema": SCHEMA, "id": id.to_string(), "lines": lines, "notice": notice })));
    }
    let (response, sink) = response(peer.closed.clone());
    let (hub, rights) = (Arc::clone(hub), peer.rights());
    tokio::spawn(async move {
        let reading = Reading { hub, rights, id, asked: Instant::now(), _turn: turn };
        // Nothing else ends it.
        let Gone = follow(tail, sink, count, reading).await;
    });
    Ok(response)
}

/// Who follows, and what.
struct Reading {
    hub: Arc<Hub>,
    rights: Rights,
    id: InstanceId,
    asked: Instant,
    _turn: Turn,
}

impl Reading {
    /// Whether it may be read still: by who reads, and because it is of the same account. What is gone may still say its last words.
    async fn is_allowed(&mut self) -> Result<(), Gone> {
        self.rights.hold(&self.hub).await?;
        if self.asked.elapsed() < self.hub.believed {
            return Ok(());
        }
        self.asked = Instant::now();
        let Some(row) = self.hub.newest().row(&self.id).cloned() else { return Ok(()) };
        let (shared, caller) = (Arc::clone(&self.hub.shared), Arc::clone(&self.rights.caller));
        match within(ANSWERED, move || Ok(shared.why_not(&caller, Verb::Logs, &row).is_none())).await {
            Ok(true) => Ok(()),
            _ => Err(Gone),
        }
    }
}

async fn follow(tail: Arc<dyn Tail>, mut sink: Sink, count: usize, mut reading: Reading) -> Gone {
    let mut version = tail.version();
    let mut last: Option<u64> = None;
    let mut notice = None;
    loop {
        if let Err(gone) = sink.room().await {
            return gone;
        }
        if let Err(gone) = reading.is_allowed().await {
            return gone;
        }
        version.mark_unchanged();
        let view = tail.lines(None, MOST);
        let first = view.lines.first().map_or(0, |line| line.number);
        // Whoever was too slow is told how many lines are passed over.
        let passed = last.map_or(0, |last| first.saturating_sub(last + 1));
        let from = last.unwrap_or_else(|| view.newest.saturating_sub(count as u64));
        let lines = whole_lines(&view).filter(|line| line.number > from).take(AT_ONCE);
        let lines: Vec<&LogLine> = lines.collect();
        let newest = lines.last().map_or(from, |line| line.number);
        let is_more = whole_lines(&view).any(|line| line.number > newest);
        if !lines.is_empty() || passed > 0 || view.notice != notice {
            notice.clone_from(&view.notice);
            let told: Vec<Value> = lines.into_iter().map(told).collect();
            let data = json!({ "lines": told, "more": is_more, "passed": passed, "notice": notice.as_ref().map(ToString::to_string) });
            if let Err(gone) = sink.put("lines", newest, &line(&data)) {
                return gone;
            }
        }
        last = Some(newest);
        if !is_more && let Err(gone) = sink.wait(&mut version).await {
            return gone;
        }
    }
}

/// The lines that have their end: the last one may still grow.
fn whole_lines(view: &LogView) -> impl Iterator<Item = &LogLine> {
    view.lines.iter().filter(|line| !(view.unfinished && line.number == view.newest))
}

fn told(line: &LogLine) -> Value {
    let level = line.level.map(|level| match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    });
    json!({
        "number": line.number,
        "at": line.at.map(timestamp),
        "level": level,
        "mark": line.kind == LogLineKind::Mark,
        "text": line.text.as_str(),
    })
}
