//! Connections: let in one by one, each with the uid that the kernel vouches for, bounded in number, size and time.
//!
//! It must never answer before it knows who asks, nor let one connection hold up another.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::answer::Refusal;
use super::hub::{ANSWERED, Hub, within};
use super::patient::Patient;
use super::routes::Peer;
use super::who::{By, Who};
use super::{login, rate, table, tcp};
use crate::domain::Uid;
use crate::error::Kind;
use crate::link;

/// How long a request's head may take, and how long a connection may be silent between two.
const HEAD: Duration = Duration::from_secs(10);

/// How long a reader may take nothing.
const READER: Duration = Duration::from_secs(20);

/// How large a request's head may be.
const LARGEST_HEAD: usize = 16 * 1024;

/// How many headers it may have.
const HEADERS: usize = 64;

/// How long a connection that is being answered when the daemon ends may go on.
const LAST_WORDS: Duration = Duration::from_secs(15);

/// How long one that has said nothing yet when the daemon ends is given to say it.
const NEWCOMER: Duration = Duration::from_millis(500);

/// After a connection could not be taken, mostly because there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// What those hear for whom there is no room: whole, so that it can be written without being waited for.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 98\r\nconnection: close\r\n\r\n\
{\"schema\":1,\"error\":{\"kind\":\"busy\",\"message\":\"too many are connected\",\"hint\":null,\"exit_code\":5}}\n";

/// Where connections come in.
pub enum Door {
    /// The unix socket.
    Unix(UnixListener),
    /// TCP on loopback, at this address.
    Tcp(TcpListener, SocketAddr),
}

/// One that came.
enum Came {
    Unix(UnixStream),
    /// With the other end's address.
    Tcp(TcpStream, SocketAddr, SocketAddr),
}

impl Door {
    async fn next(&self) -> io::Result<Came> {
        match self {
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Came::Unix(stream)),
            Self::Tcp(listener, at) => listener.accept().await.map(|(stream, theirs)| Came::Tcp(stream, theirs, *at)),
        }
    }
}

/// Lets in whoever comes, until it is told to close; then waits for those that are being answered.
pub async fn accept(door: Door, hub: Arc<Hub>, mut closed: watch::Receiver<bool>) {
    // Once: to make the table of routes costs more than most answers.
    let routes = table::router(Arc::clone(&hub));
    let routes = match &door {
        Door::Unix(_) => routes,
        Door::Tcp(_, at) => tcp::guarded(routes, *at),
    };
    let mut all = JoinSet::new();
    loop {
        tokio::select! {
            () = until_closed(&mut closed) => break,
            came = door.next() => match came {
                Ok(came) => { all.spawn(one(came, routes.clone(), Arc::clone(&hub), closed.clone())); }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(_) = all.join_next(), if !all.is_empty() => {}
        }
    }
    drop(door);
    while all.join_next().await.is_some() {}
}

/// One connection from beginning to end.
async fn one(came: Came, routes: Router, hub: Arc<Hub>, closed: watch::Receiver<bool>) {
    let mut login = None;
    let (uid, by) = match &came {
        Came::Unix(stream) => {
            let peer = stream.peer_cred().ok();
            let uid = peer.map(|peer| Uid(peer.uid()));
            login = peer.and_then(|peer| login::of(peer.pid()?, Uid(peer.uid())));
            (uid, By::Unix)
        }
        Came::Tcp(_, theirs, ours) => (looked_up(&hub, *theirs, *ours).await, By::Tcp),
    };
    let seat = uid.and_then(|uid| hub.gate.enter(uid).map(|seat| (uid, seat)));
    let Some((uid, _seat)) = seat else {
        drop(match &came {
            Came::Unix(stream) => stream.try_write(FULL),
            Came::Tcp(stream, ..) => stream.try_write(FULL),
        });
        return;
    };
    let who = Arc::new(Who::new(uid, by, login));
    // Whose role cannot be told in time is not answered.
    let Ok(_) = who.now(&hub).await else { return };
    // Just begun, it has not looked yet: nothing is not what there is.
    hub.looked().await;
    let visitor = |wire| Arc::new(Visitor { hub: Arc::clone(&hub), who, closed: closed.clone(), wire });
    match came {
        Came::Unix(stream) => {
            // Files are handed over beside what HTTP says.
            let Ok(wire) = stream.as_fd().try_clone_to_owned() else { return };
            converse(stream, routes, visitor(Some(Arc::new(wire))), closed).await;
        }
        Came::Tcp(stream, ..) => converse(stream, routes, visitor(None), closed).await,
    }
}

/// Whose the other end of a connection over TCP is; `None` where too many wait for being looked up.
async fn looked_up(hub: &Hub, theirs: SocketAddr, ours: SocketAddr) -> Option<Uid> {
    let _place = hub.newcomers.try_acquire().ok()?;
    let _turn = hub.lookups.acquire().await.ok()?;
    let uid = within(ANSWERED, move || Ok(link::connected(theirs, ours))).await;
    Some(uid.ok().flatten().unwrap_or(tcp::NOBODY))
}

/// The other side of a connection.
struct Visitor {
    hub: Arc<Hub>,
    who: Arc<Who>,
    closed: watch::Receiver<bool>,
    wire: Option<Arc<OwnedFd>>,
}

/// Each request is answered as who asks is by then, and not oftener than anybody may ask.
async fn answered(visitor: &Visitor, routes: Router, mut request: Request<Body>) -> Response {
    let Visitor { hub, who, closed, wire } = visitor;
    let cost = rate::cost(request.uri().path());
    if who.counted().is_some_and(|uid| !hub.rate.allows(uid, cost, Instant::now())) {
        let refusal = Refusal::of(StatusCode::TOO_MANY_REQUESTS, Kind::Busy, "too much is asked: so many questions a second are answered");
        let mut response = refusal.into_response();
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    }
    match who.now(hub).await {
        Ok(caller) => {
            request.extensions_mut().insert(Peer { caller, who: Arc::clone(who), closed: closed.clone(), wire: wire.clone() });
            let Ok(response) = TowerToHyperService::new(routes).call(request).await;
            response
        }
        Err(error) => Refusal::from(error).into_response(),
    }
}

/// Answers on a connection until it ends.
async fn converse<S>(stream: S, routes: Router, visitor: Arc<Visitor>, mut closed: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (routes, visitor) = (routes.clone(), Arc::clone(&visitor));
        async move { Ok::<_, Infallible>(answered(&visitor, routes, request.map(Body::new)).await) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD).max_headers(HEADERS);
    let stream = Patient::new(stream, READER);
    let heard = stream.heard();
    let connection = connection.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = until_closed(&mut closed) => {}
    }
    // Who has only just come is about to ask: to hang up on that one would be to have turned it away.
    let begun = tokio::time::Instant::now();
    while !heard.load(Ordering::Relaxed) && begun.elapsed() < NEWCOMER {
        if tokio::time::timeout(Duration::from_millis(5), connection.as_mut()).await.is_ok() {
            return;
        }
    }
    connection.as_mut().graceful_shutdown();
    drop(tokio::time::timeout(LAST_WORDS, connection).await);
}

/// Returns when the daemon is to end.
pub async fn until_closed(closed: &mut watch::Receiver<bool>) {
    drop(closed.wait_for(|closed| *closed).await);
}

#[cfg(test)]
#[path = "serve_tests.rs"]
pub mod tests;
