//! `GET /v1/stream`: one whole picture, then what changed of it, each reader at its own pace.
//!
//! It must never queue pictures for a reader: whoever is slow is told the newest one.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::events::{Gone, Sink, Waited, line, response};
use super::hub::Hub;
use super::picture::Picture;
use super::routes::Peer;
use crate::domain::{Caller, Role};
use crate::present::json::{self, SCHEMA, timestamp};

/// The least time between two events: ten a second are more than anybody sees.
const PAUSE: Duration = Duration::from_millis(100);

/// Whoever took nothing for so long is given the whole picture anew.
const TOO_LONG: Duration = Duration::from_secs(5);

/// Begins to stream to somebody.
pub fn begin(hub: Arc<Hub>, peer: &Peer) -> Response {
    let (response, sink) = response(peer.closed.clone());
    let reader = Reader { hub, caller: Arc::clone(&peer.caller), sink, number: 0, findings: Value::Null, totals: Value::Null };
    tokio::spawn(async move {
        // Nothing else ends it.
        let Gone = reader.run().await;
    });
    response
}

/// One who reads along, and what that one was told last.
struct Reader {
    hub: Arc<Hub>,
    caller: Arc<Caller>,
    sink: Sink,
    number: u64,
    findings: Value,
    totals: Value,
}

impl Reader {
    async fn run(mut self) -> Gone {
        let mut pictures = self.hub.pictures();
        match self.tell(&mut pictures).await {
            Ok(never) => match never {},
            Err(gone) => gone,
        }
    }

    async fn tell(
        &mut self,
        pictures: &mut tokio::sync::watch::Receiver<Arc<crate::domain::Snapshot>>,
    ) -> Result<std::convert::Infallible, Gone> {
        self.sink.room().await?;
        pictures.mark_unchanged();
        let mut told = self.whole()?;
        loop {
            let pause = Instant::now() + PAUSE;
            if self.sink.wait(pictures).await? == Waited::Silent {
                self.is_still_who_it_was().await?;
                continue;
            }
            tokio::time::sleep_until(pause).await;
            let is_late = self.sink.room().await? > TOO_LONG;
            pictures.mark_unchanged();
            if is_late {
                let data = json!({ "sequence": self.next(), "why": "too slow: the whole picture follows" });
                self.sink.put("resync", self.number, &line(&data))?;
                self.sink.room().await?;
                told = self.whole()?;
            } else {
                told = self.changes(told)?;
            }
        }
    }

    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Who was an admin and is none any more is not to be told as one.
    async fn is_still_who_it_was(&self) -> Result<(), Gone> {
        match self.hub.caller(self.caller.uid).await {
            Ok(caller) if caller.is_as(&self.caller) => Ok(()),
            _ => Err(Gone),
        }
    }

    /// The findings and the totals, as this one sees them.
    fn about_all(&self, picture: &Picture) -> (Value, Value) {
        let findings = self.hub.shared.findings(&self.caller, &picture.of);
        let seen = if self.caller.role == Role::Stranger { self.hub.seen_by(&self.caller) } else { Arc::clone(&picture.of) };
        (findings.iter().map(json::finding).collect(), json::totals(&seen))
    }

    fn whole(&mut self) -> Result<Arc<Picture>, Gone> {
        let picture = self.hub.picture();
        (self.findings, self.totals) = self.about_all(&picture);
        let rows = picture.seen(&*self.hub.shared, &self.caller);
        let of = &picture.of;
        let (host, range) = (json!(of.host.as_str()), json!({ "first": of.range.first, "last": of.range.last }));
        let number = self.next();
        let data = format!(
            r#"{{"schema":{SCHEMA},"sequence":{number},"host":{host},"taken_at":"{}","range":{range},"instances":[{}],"findings":{},"totals":{}}}"#,
            timestamp(of.taken.wall),
            rows.join(","),
            self.findings,
            self.totals,
        );
        self.sink.put("snapshot", number, &data)?;
        Ok(picture)
    }

    /// What changed since `told`; nothing is said where nothing did.
    fn changes(&mut self, told: Arc<Picture>) -> Result<Arc<Picture>, Gone> {
        let picture = self.hub.picture();
        let (rows, removed) = picture.changes(&told, &*self.hub.shared, &self.caller);
        let (findings, totals) = self.about_all(&picture);
        let mut more = String::new();
        for (name, new, old) in [("findings", &findings, &self.findings), ("totals", &totals, &self.totals)] {
            if new != old {
                more.push_str(&format!(",\"{name}\":{new}"));
            }
        }
        if rows.is_empty() && removed.is_empty() && more.is_empty() {
            return Ok(picture);
        }
        (self.findings, self.totals) = (findings, totals);
        let number = self.next();
        let (at, removed) = (timestamp(picture.of.taken.wall), json!(removed));
        let data = format!(r#"{{"sequence":{number},"taken_at":"{at}","instances":[{}],"removed":{removed}{more}}}"#, rows.join(","));
        self.sink.put("changes", number, &data)?;
        Ok(picture)
    }
}
