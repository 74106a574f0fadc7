//! What answers a request: a function for each route of the table.
//!
//! It must never decide who may what: what is seen and what is done goes through `link`, as the caller that the connection has.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::answer::{Answer, Refusal, document, outcome};
use super::hub::{ANSWERED, Hub, Work, within};
use super::who::{Rights, Who};
use super::{console, logs, metrics, stream, trail};
use crate::domain::{Caller, InstanceId, Order, Role, Row, Snapshot, Target, Verb};
use crate::error::{Error, Kind, Result};
use crate::present::client;
use crate::present::json::{self, SCHEMA};

/// How old the newest picture may be of a daemon that is well.
const FRESH: Duration = Duration::from_secs(10);

/// How large the body of an order may be.
const LARGEST_BODY: usize = 4096;

/// How long an order may take; the templates' own times to start and stop are shorter.
pub const CARRIED_OUT: Duration = Duration::from_secs(600);

/// How long a reason may be.
pub const LONGEST_REASON: usize = 1000;

/// Who asks.
#[derive(Clone)]
pub struct Peer {
    /// As whom it is answered.
    pub caller: Arc<Caller>,
    /// Who is at the other side of the connection.
    pub who: Arc<Who>,
    /// Becomes true when the daemon is to end.
    pub closed: watch::Receiver<bool>,
    /// The connection itself, for files that are handed over; `None` where none can be.
    pub wire: Option<Arc<OwnedFd>>,
}

impl Peer {
    /// What it may, for something that goes on.
    pub fn rights(&self) -> Rights {
        Rights { who: Arc::clone(&self.who), caller: Arc::clone(&self.caller) }
    }

    /// That nothing is begun for somebody who has hung up: a daemon that was stopped for a minute must not carry out by then what was given up
    /// long ago. A console's connection is never closed by half while it waits (an ssh channel that ends is); other programs' may be.
    ///
    /// # Errors
    /// Of kind `Timeout`, when nobody is there.
    pub fn is_waited_for(&self, by_console: bool) -> Result<()> {
        let Some(wire) = &self.wire else { return Ok(()) };
        let asked = if by_console { PollFlags::RDHUP } else { PollFlags::empty() };
        let mut polled = PollFd::new(&**wire, asked);
        // What cannot be told is no hang-up; POLLHUP is told unasked, poll(2).
        let told = poll(std::slice::from_mut(&mut polled), Some(&Timespec::default())).is_ok();
        if told && polled.revents().intersects(PollFlags::HUP | PollFlags::RDHUP) {
            return Err(Error::new(Kind::Timeout, "who asked for it has hung up, so nothing is done"));
        }
        Ok(())
    }
}

type Id = Result<Path<String>, PathRejection>;
type OwnerAndName = Result<Path<(String, String)>, PathRejection>;

/// What answers an order to do this to an instance that is named in one part.
pub fn ordered(verb: Verb) -> MethodRouter<Arc<Hub>> {
    post(move |state: State<Arc<Hub>>, peer: Extension<Peer>, id: Id, request: Request<Body>| async move {
        let id = named(id)?;
        order(verb, id, &state, &peer, request).await
    })
}

/// The same in two parts.
pub fn ordered_named(verb: Verb) -> MethodRouter<Arc<Hub>> {
    post(move |state: State<Arc<Hub>>, peer: Extension<Peer>, id: OwnerAndName, request: Request<Body>| async move {
        let id = both_named(id)?;
        order(verb, id, &state, &peer, request).await
    })
}

/// What is asked for at any other place.
pub async fn no_such_route() -> Refusal {
    Refusal::from(Error::new(Kind::NoSuchInstance, "nothing is answered there").hint("GET /v1/snapshot"))
}

/// Where it is asked in another way.
pub async fn no_such_method() -> Refusal {
    Refusal::of(StatusCode::METHOD_NOT_ALLOWED, Kind::Usage, "this is not done by that method")
}

/// Whether the engine looks.
pub async fn health(State(hub): State<Arc<Hub>>) -> Response {
    let is_fresh = hub.newest().sequence > 0 && hub.age() < FRESH;
    let status = if is_fresh { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let value = json!({
        "schema": SCHEMA,
        "status": if is_fresh { "ok" } else { "stale" },
        "picture_age_ms": u64::try_from(hub.age().as_millis()).unwrap_or(u64::MAX),
        "serving_s": hub.since.elapsed().as_secs(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    document(status, &value)
}

/// `berth ls --json`.
pub async fn snapshot(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>) -> Answer {
    let seen = hub.seen_by(&peer.caller);
    Ok(document(StatusCode::OK, &within(ANSWERED, move || Ok(json::ls(&seen))).await?))
}

/// The numbers, for Prometheus.
pub async fn measured(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let text = metrics::text(&hub.seen_by(&peer.caller), &metrics::Own::of(&hub), &hub.spent.by_now(&hub.newest()));
    if metrics::wants_plain(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok())) {
        return super::answer::text(StatusCode::OK, metrics::PLAIN, metrics::plain(&text));
    }
    super::answer::text(StatusCode::OK, metrics::KIND, text)
}

/// The picture, and what changes of it.
pub async fn streamed(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, uri: Uri) -> Response {
    let is_console = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "form=console"));
    if is_console { console::stream(hub, &peer) } else { stream::begin(hub, &peer) }
}

/// What happened and what was done.
pub async fn events(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, uri: Uri) -> Answer {
    trail::answer(&hub, &peer, uri.query()).await
}

/// The end of a log, and what comes after.
pub async fn log(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, id: Id, uri: Uri) -> Answer {
    let id = named(id)?;
    is_there(&hub, &peer, &id)?;
    logs::answer(&hub, &peer, id, uri.query()).await
}

/// The same.
pub async fn log_named(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, id: OwnerAndName, uri: Uri) -> Answer {
    let id = both_named(id)?;
    is_there(&hub, &peer, &id)?;
    logs::answer(&hub, &peer, id, uri.query()).await
}

/// Who asks, what that one has, and where it is reached.
pub async fn me(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>) -> Answer {
    let seen = hub.seen_by(&peer.caller);
    let own = seen.rows.iter().filter(|row| row.uid == peer.caller.uid && !row.id.is_unmanaged());
    let instances: Vec<Value> = own
        .map(|row| {
            let mut value = json::instance(row);
            value["url"] = client::url(row).into();
            value
        })
        .collect();
    let Caller { uid, name, role, read_only, .. } = &*peer.caller;
    let value = json!({
        "schema": SCHEMA,
        "uid": uid.0,
        "user": name.as_str(),
        "role": role.word(),
        "read_only": read_only,
        "instances": instances,
    });
    Ok(document(StatusCode::OK, &value))
}

/// The ports of one owner's instances.
pub async fn ports_of(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, user: Id) -> Answer {
    let owner = named(user)?;
    let seen = hub.seen_by(&peer.caller);
    let rows: Vec<&Arc<Row>> = seen.rows.iter().filter(|row| row.id.owner() == owner.owner() && !row.id.is_unmanaged()).collect();
    if rows.is_empty() {
        return Err(no_such(&owner).into());
    }
    let port = |row: &&Arc<Row>| json!({ "id": row.id.to_string(), "port": row.port, "state": row.state.word() });
    let value = json!({ "schema": SCHEMA, "owner": owner.owner(), "ports": rows.iter().map(port).collect::<Vec<_>>() });
    Ok(document(StatusCode::OK, &value))
}

/// One instance.
pub async fn show(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, id: Id) -> Answer {
    shown(&named(id)?, &hub.seen_by(&peer.caller), &hub, &peer.caller)
}

/// The same.
pub async fn show_named(State(hub): State<Arc<Hub>>, Extension(peer): Extension<Peer>, id: OwnerAndName) -> Answer {
    shown(&both_named(id)?, &hub.seen_by(&peer.caller), &hub, &peer.caller)
}

/// `berth show ID --json`; of another's what stands in the table.
fn shown(id: &InstanceId, seen: &Snapshot, hub: &Hub, caller: &Caller) -> Answer {
    let row = seen.row(id).ok_or_else(|| no_such(id))?;
    let value = if hub.shared.sees_all_of(caller, row.uid) {
        json::show(row, seen, true)
    } else {
        json!({ "schema": SCHEMA, "instance": json::instance(row) })
    };
    Ok(document(StatusCode::OK, &value))
}

/// Has something done to an instance and waits for its end.
async fn order(verb: Verb, id: InstanceId, hub: &Arc<Hub>, peer: &Peer, request: Request<Body>) -> Answer {
    let reason = reason(request).await?;
    is_there(hub, peer, &id)?;
    let turn = hub.turn(peer.caller.uid, Work::Order)?;
    let place = Arc::clone(&hub.orders).try_acquire_owned();
    let place = place.map_err(|_| Error::new(Kind::Busy, "too many orders are on their way already").hint("try again in a moment"))?;
    let order = Order { verb, id, target: Target::Whatever, reason, timeout: None };
    let (asked, peer, shared) = (order.clone(), peer.clone(), Arc::clone(&hub.shared));
    let came = within(CARRIED_OUT, move || {
        // Held by who works, not by who waits: a caller that hangs up does not have more under way than others.
        let (_turn, _place) = (turn, place);
        peer.is_waited_for(false)?;
        Ok(shared.carry_out(&peer.caller, asked))
    });
    Ok(outcome(&order, &came.await?))
}

/// What a stranger may not see is not there, also when it is to be stopped. What nobody has seen yet may be there, and is looked for: only an
/// admin may have just made it, anybody else could have any number of names looked for.
pub fn is_there(hub: &Hub, peer: &Peer, id: &InstanceId) -> Result<()> {
    let is_seen = hub.seen_by(&peer.caller).row(id).is_some();
    let may_be = peer.caller.role == Role::Admin && hub.newest().row(id).is_none();
    if is_seen || may_be { Ok(()) } else { Err(no_such(id)) }
}

/// What the body says: nothing, or `{"reason": "..."}`.
async fn reason(request: Request<Body>) -> Result<Option<String>> {
    let wrong = |sentence: &str| Error::new(Kind::Usage, sentence).hint("{\"reason\": \"why\"}, or no body at all");
    let read = tokio::time::timeout(ANSWERED, to_bytes(request.into_body(), LARGEST_BODY)).await;
    let bytes = read.map_err(|_| Error::new(Kind::Timeout, "the body did not come"))?.map_err(|_| wrong("the body is too large"))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| wrong("the body is no JSON"))?;
    let keys = value.as_object().ok_or_else(|| wrong("the body is no object"))?;
    if let Some(key) = keys.keys().find(|key| *key != "reason") {
        return Err(wrong(&format!("\"{}\" is not known", crate::domain::Shown::new(key))));
    }
    match keys.get("reason") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= LONGEST_REASON => Ok(Some(text.clone())),
        Some(_) => Err(wrong("a reason is a text of at most 1000 characters")),
    }
}

fn named(id: Id) -> Result<InstanceId> {
    let Ok(Path(text)) = id else { return Err(no_name("it cannot be read")) };
    InstanceId::parse(&text).map_err(|fault| no_name(&fault.to_string()))
}

fn both_named(id: OwnerAndName) -> Result<InstanceId> {
    let Ok(Path((owner, name))) = id else { return Err(no_name("it cannot be read")) };
    if owner.contains('/') || name.contains('/') {
        return Err(no_name("it has more than two parts"));
    }
    InstanceId::parse(&format!("{owner}/{name}")).map_err(|fault| no_name(&fault.to_string()))
}

fn no_name(why: &str) -> Error {
    Error::new(Kind::Usage, format!("this is not an instance's name: {why}"))
}

fn no_such(id: &InstanceId) -> Error {
    Error::new(Kind::NoSuchInstance, format!("{id}: no such instance")).hint("GET /v1/snapshot lists those that there are")
}
