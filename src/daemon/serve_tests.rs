//! Connections to an engine without a host: who is answered as whom, for how long, and how often.
//!
//! It must never need an account or a place of its own.

use super::*;
use crate::daemon::fake::Plain;
use crate::domain::{Shown, Snapshot};
use crate::present::fleet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What only the second picture has.
const PLANTED: &str = "hunter2";

/// An engine, and who connects to it.
pub struct Site {
    engine: Arc<Plain>,
    hub: Arc<Hub>,
    pictures: watch::Sender<Arc<Snapshot>>,
    close: watch::Sender<bool>,
}

impl Site {
    /// On which nothing is believed from one question to the next.
    pub fn new() -> Self {
        let engine = Arc::new(Plain::default());
        let (pictures, newest) = watch::channel(Arc::new(Snapshot { sequence: 1, ..fleet::fleet() }));
        let mut hub = Hub::new(Arc::clone(&engine) as _, newest);
        hub.believed = Duration::ZERO;
        Self { engine, hub: Arc::new(hub), pictures, close: watch::channel(false).0 }
    }

    pub fn unix(&self) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        tokio::spawn(one(Came::Unix(theirs), table::router(Arc::clone(&self.hub)), Arc::clone(&self.hub), self.close.subscribe()));
        ours
    }

    async fn tcp(&self) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let ours = TcpStream::connect(at).await.unwrap();
        let (theirs, peer) = listener.accept().await.unwrap();
        tokio::spawn(one(Came::Tcp(theirs, peer, at), table::router(Arc::clone(&self.hub)), Arc::clone(&self.hub), self.close.subscribe()));
        ours
    }

    fn is_admin(&self, is_admin: bool) {
        self.engine.is_admin.store(is_admin, Ordering::SeqCst);
    }

    /// Another picture, with something that only admins and owners are told.
    fn goes_on(&self) {
        self.pictures.send_modify(|picture| {
            let picture = Arc::make_mut(picture);
            picture.sequence += 1;
            for row in &mut picture.rows {
                let row = Arc::make_mut(row);
                (row.state, row.why) = (crate::domain::State::Unknown, Some(Shown::from(PLANTED)));
            }
        });
    }
}

pub async fn ask(stream: &mut (impl AsyncWrite + Unpin), method: &str, path: &str, host: &str, further: &str) {
    let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{further}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Reads on until it holds.
pub async fn until(stream: &mut (impl AsyncRead + Unpin), mut holds: impl FnMut(&str) -> bool) -> String {
    let mut text = String::new();
    while !holds(&text) {
        let mut bytes = [0; 4096];
        let count = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut bytes)).await.unwrap().unwrap();
        assert!(count > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    text
}

pub fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

#[test]
fn what_the_many_hear_is_whole() {
    let text = std::str::from_utf8(FULL).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
    assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
}

#[test]
fn on_a_connection_that_stays_everybody_is_who_they_are_by_now() {
    run(async {
        let site = Site::new();
        let mut stream = site.unix();
        for is_admin in [true, false, true] {
            site.is_admin(is_admin);
            ask(&mut stream, "GET", "/v1/me", "berth", "").await;
            let told = until(&mut stream, |text| text.ends_with("}\n")).await;
            assert_eq!(told.contains("\"role\":\"admin\""), is_admin, "{told}");
        }
    });
}

#[test]
fn a_stream_ends_with_the_rights_that_it_began_with() {
    run(async {
        for path in ["/v1/stream", "/v1/stream?form=console"] {
            let site = Site::new();
            site.is_admin(true);
            let mut stream = site.unix();
            ask(&mut stream, "GET", path, "berth", "connection: close\r\n").await;
            until(&mut stream, |text| text.ends_with("\n\n\r\n")).await;
            site.is_admin(false);
            site.goes_on();
            let mut rest = String::new();
            tokio::time::timeout(Duration::from_secs(60), stream.read_to_string(&mut rest)).await.unwrap().unwrap();
            assert!(!rest.contains(PLANTED), "{path}: {rest}");
        }
    });
}

#[test]
fn over_tcp_a_stream_goes_on_too() {
    run(async {
        let site = Site::new();
        // An admin, who is a viewer there, and stays one.
        site.is_admin(true);
        let mut stream = site.tcp().await;
        let host = stream.peer_addr().unwrap().to_string();
        ask(&mut stream, "GET", "/v1/stream", &host, "").await;
        until(&mut stream, |text| text.contains("event: snapshot")).await;
        for _ in 0..3 {
            site.pictures.send_modify(|picture| Arc::make_mut(&mut Arc::make_mut(picture).rows[0]).restarts += 1);
            until(&mut stream, |text| text.contains("event: changes")).await;
        }
    });
}

#[test]
fn who_asks_without_end_is_told_to_wait() {
    run(async {
        let site = Site::new();
        let mut stream = site.tcp().await;
        let host = stream.peer_addr().unwrap().to_string();
        ask(&mut stream, "GET", "/v1/me", &host, "").await;
        let told = until(&mut stream, |text| text.ends_with("}\n")).await;
        assert!(told.starts_with("HTTP/1.1 200 "), "{told}");
        // All that is in hand is taken an hour from now: until then nothing is given back.
        let (own, then) = (Uid(nix::unistd::geteuid().as_raw()), Instant::now() + Duration::from_secs(3600));
        while site.hub.rate.allows(own, 1.0, then) {}
        ask(&mut stream, "GET", "/v1/me", &host, "").await;
        let told = until(&mut stream, |text| text.ends_with("}\n")).await;
        let words = ["HTTP/1.1 429 ", "retry-after: 1", "\"kind\":\"busy\""];
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
    });
}

#[test]
fn who_is_not_known_yet_waits_in_a_bounded_number() {
    run(async {
        let site = Site::new();
        let all = site.hub.newcomers.available_permits();
        let _taken = site.hub.newcomers.acquire_many(u32::try_from(all).unwrap()).await.unwrap();
        let mut stream = site.tcp().await;
        let told = until(&mut stream, |text| text.ends_with("}\n")).await;
        assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    });
}

#[test]
fn only_for_admins_is_looked_for_what_nobody_has_seen() {
    run(async {
        let site = Site::new();
        for (is_admin, status) in [(true, "500"), (false, "404")] {
            site.is_admin(is_admin);
            for (method, path) in [("POST", "/v1/instances/newcomer/start"), ("GET", "/v1/instances/newcomer/logs")] {
                let mut stream = site.unix();
                ask(&mut stream, method, path, "berth", "content-length: 0\r\n").await;
                let told = until(&mut stream, |text| text.ends_with("}\n")).await;
                assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{is_admin} {path}: {told}");
            }
        }
    });
}
