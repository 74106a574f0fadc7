//! What attached consoles ask: who is there, the picture as it goes on, what is to be done, logs.
//!
//! It must never answer one for another: what is seen and done is decided for the caller that the kernel names.

mod calls;
mod feed;
mod files;
mod rights;
mod track;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use tokio::time::Instant;

pub use calls::call;
pub use feed::Feed;
pub use files::log;

use super::answer::{Answer, document};
use super::events::{Gone, Sink, Waited, response};
use super::hub::{ANSWERED, Hub, within};
use super::routes::Peer;
use super::who::Rights;
use crate::error::Context;
use crate::link::wire::{Hello, PROTOCOL};

/// The least time between two events. A conflict that is seen just after the second's picture must not wait for long: it is on screens a fifth
/// of a second after the listen(2) that made it.
const PAUSE: Duration = Duration::from_millis(25);

/// Who the daemon is, and who asks.
pub async fn hello(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>) -> Answer {
    let (shared, caller) = (Arc::clone(&hub.shared), Arc::clone(&peer.caller));
    let hello = within(ANSWERED, move || {
        let acting = shared.acting(&caller);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Hello { protocol: PROTOCOL, version, caller: (*caller).clone(), acting, owners_may: shared.owners_may(), about: shared.about() })
    });
    let value: Value = serde_json::to_value(hello.await?).while_doing(|| "cannot say who asks".to_owned())?;
    Ok(document(StatusCode::OK, &value))
}

/// Begins to stream to a console.
pub fn stream(hub: Arc<Hub>, peer: &Peer) -> Response {
    let (response, sink) = response(peer.closed.clone());
    let rights = peer.rights();
    tokio::spawn(async move {
        // Nothing else ends it.
        let Gone = run(&hub, &rights, sink).await;
    });
    response
}

async fn run(hub: &Arc<Hub>, rights: &Rights, sink: Sink) -> Gone {
    match tell(hub, rights, sink).await {
        Ok(never) => match never {},
        Err(gone) => gone,
    }
}

async fn tell(hub: &Arc<Hub>, rights: &Rights, mut sink: Sink) -> Result<std::convert::Infallible, Gone> {
    let (mut pictures, mut told) = (hub.pictures(), None);
    loop {
        sink.room().await?;
        pictures.mark_unchanged();
        let pause = Instant::now() + PAUSE;
        let (number, event) = hub.feed.since(&*hub.shared, &rights.caller, &hub.newest(), told);
        told = Some(number);
        if let Some(event) = event {
            sink.put_made(event)?;
        }
        // Who was an admin and is none any more is not to be told as one.
        while sink.wait(&mut pictures).await? == Waited::Silent {
            rights.hold(hub).await?;
        }
        tokio::time::sleep_until(pause).await;
        rights.hold(hub).await?;
    }
}
