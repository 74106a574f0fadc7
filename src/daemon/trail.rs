//! `GET /v1/events`: what happened and what was done, as the caller may see it, and with `follow=1` what comes after.
//!
//! It must never read the file itself, nor hold events back for a reader that takes none.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, document};
use super::events::{Gone, Sink, asked, line, response};
use super::hub::{ANSWERED, Hub, Turn, Work, within};
use super::routes::Peer;
use crate::domain::{EventQuery, InstanceId};
use crate::error::{Error, Kind, Result};
use crate::present::events::fresh::{Fresh, WINDOW};
use crate::present::events::record;

/// How many events are given where nobody says how many, and at most.
const EVENTS: usize = 100;
const MOST: usize = 10_000;

/// Answers.
pub async fn answer(hub: &Arc<Hub>, peer: &Peer, words: Option<&str>) -> Answer {
    let turn = hub.turn(peer.caller.uid, Work::Log)?;
    let query = query(words)?;
    if asked(words, "follow") == Some(1) {
        let (response, sink) = response(peer.closed.clone());
        tokio::spawn(follow(Arc::clone(hub), peer.clone(), query, sink, turn));
        return Ok(response);
    }
    let (shared, caller) = (Arc::clone(&hub.shared), Arc::clone(&peer.caller));
    // Held by who works, not by who waits: a caller that hangs up does not have more under way than others.
    let events = within(ANSWERED, move || {
        let _turn = turn;
        shared.events(&caller, &query)
    });
    let events = events.await?;
    Ok(document(StatusCode::OK, &record::document(&events)))
}

async fn follow(hub: Arc<Hub>, peer: Peer, query: EventQuery, mut sink: Sink, _turn: Turn) -> Gone {
    let (mut version, rights) = (hub.shared.events_version(), peer.rights());
    let first = query.last;
    let query = EventQuery { last: first.max(WINDOW), ..query };
    let mut fresh = Fresh::default();
    let mut count = 0;
    loop {
        if let Err(gone) = sink.room().await {
            return gone;
        }
        if let Err(gone) = rights.hold(&hub).await {
            return gone;
        }
        version.mark_unchanged();
        let (shared, caller, query) = (Arc::clone(&hub.shared), Arc::clone(&peer.caller), query.clone());
        // What cannot be read now is read with the next change.
        if let Ok(events) = within(ANSWERED, move || shared.events(&caller, &query)).await {
            let told: Vec<Value> = fresh.of(&events, first).iter().map(record::json).collect();
            if !told.is_empty() {
                count += 1;
                if let Err(gone) = sink.put("events", count, &line(&json!({ "events": told }))) {
                    return gone;
                }
            }
        }
        if let Err(gone) = sink.wait(&mut version).await {
            return gone;
        }
    }
}

/// What is asked for: `since`, `lines`, `user`, `id`.
fn query(words: Option<&str>) -> Result<EventQuery> {
    let mut query = EventQuery { last: asked(words, "lines").unwrap_or(EVENTS).min(MOST), since: None, user: None, id: None };
    let wrong = |what: &str| Error::new(Kind::Usage, format!("{what} cannot be understood"));
    for (name, value) in words.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decoded(value).ok_or_else(|| wrong("the query"))?;
        match name {
            "since" => {
                query.since = Some(value.parse::<Timestamp>().map_err(|_| wrong("since, which is a time such as 2026-11-21T03:00:00Z,"))?)
            }
            "id" => query.id = Some(InstanceId::parse(&value).map_err(|_| wrong("id"))?),
            "user" => query.user = Some(value),
            _ => {}
        }
    }
    // Who asks for a time wants all of it.
    if query.since.is_some() && asked(words, "lines").is_none() {
        query.last = MOST;
    }
    Ok(query)
}

/// A text in which `%3A` stands for a colon, RFC 3986.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_understood_or_refused() {
        let whole = query(Some("since=2026-11-21T03%3A00%3A00Z&id=zoe%2Ftools&user=zoe")).unwrap();
        assert_eq!((whole.last, whole.user.as_deref()), (MOST, Some("zoe")));
        assert_eq!(whole.id, InstanceId::parse("zoe/tools").ok());
        assert_eq!(whole.since, "2026-11-21T03:00:00Z".parse().ok());
        assert_eq!(query(None).unwrap().last, EVENTS);
        assert_eq!(query(Some("lines=99999999")).unwrap().last, MOST);
        for wrong in ["since=yesterday", "id=..", "user=%ff", "user=%2"] {
            assert!(query(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
