//! TLS with servers of this process's own, which mean well, and which do not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, ServerConnection};

use super::*;
use crate::probe::exchange::{Answer, Question, ask, ask_verified};
use crate::probe::line::{Line, Whom};

struct Own {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

/// A certificate that signs itself, for an address that nobody asks at.
fn own(until: i32, padding: usize) -> Own {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = (0..padding).map(|number| format!("name-number-{number}.of-a-certificate.example")).collect();
    let mut params = CertificateParams::new(if names.is_empty() { vec!["elsewhere.example".to_owned()] } else { names }).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 2));
    let certificate = params.self_signed(&key).unwrap();
    Own { chain: vec![certificate.der().clone()], key }
}

impl Own {
    fn config(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER)).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(self.chain.clone(), key).unwrap();
        config.ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
        Arc::new(config)
    }
}

/// Serves so many connections, one after the other; how many of them were resumed is what it gives back.
fn serve(config: Arc<ServerConfig>, connections: usize, answer: &'static [u8]) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let resumed = AtomicUsize::new(0);
        for _ in 0..connections {
            let (mut socket, _) = listener.accept().unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::Stream::new(&mut connection, &mut socket);
            if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                let _ = stream.write_all(answer);
                let _ = stream.flush();
                // Until the other end goes: what is not read yet must not be cut off.
                let _ = stream.read(&mut [0; 64]);
            }
            // Closed with something unread, the kernel would take back the alert that was sent before.
            while socket.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
            if connection.handshake_kind() == Some(HandshakeKind::Resumed) {
                resumed.fetch_add(1, Ordering::Relaxed);
            }
        }
        resumed.into_inner()
    });
    (at, serving)
}

/// A server that treats one connection so, without TLS of its own.
fn raw(treat: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]);
        treat(&mut socket);
    });
    (at, serving)
}

fn waits<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn line(at: SocketAddr) -> Line {
    Line::plain(at).other_way().unwrap()
}

fn asked(line: &Line) -> Result<Answer, Failure> {
    waits(ask(line, &Question::get("/health"), |_| false))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

#[test]
fn an_answer_comes_with_the_certificate_and_the_second_handshake_is_spared() {
    let own = own(2030, 0);
    let (at, serving) = serve(own.config(BOTH), 4, OK);
    let line = line(at);
    let expected = Presented { print: Presented::of(&own.chain[0]).print, ends: "2030-01-02T00:00:00Z".parse().ok() };
    for _ in 0..4 {
        let answer = asked(&line).unwrap();
        assert_eq!((answer.status, &*answer.body, answer.presented), (200, &b"ok"[..], Some(expected)));
    }
    assert_eq!(serving.join().unwrap(), 3);
}

#[test]
fn a_renewed_certificate_shows_where_the_ticket_is_thrown_away() {
    let (old, new) = (own(2030, 0), own(2031, 0));
    // One that goes on taking the tickets that it gave before it was renewed.
    let ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
    let config = |own: &Own| {
        let mut config = (*own.config(&[&rustls::version::TLS13])).clone();
        config.ticketer = Arc::clone(&ticketer);
        Arc::new(config)
    };
    let (at, serving) = serve(config(&old), 1, OK);
    let line = line(at);
    let print = |line: &Line| asked(line).unwrap().presented.unwrap().print;
    assert_eq!(print(&line), Presented::of(&old.chain[0]).print);
    serving.join().unwrap();
    let (at, serving) = serve(config(&new), 2, OK);
    let line = Line { at, ..line };
    assert_eq!(print(&line), Presented::of(&old.chain[0]).print, "resumed, it shows what it showed");
    assert_eq!(print(&line.afresh()), Presented::of(&new.chain[0]).print);
    assert_eq!(serving.join().unwrap(), 1);
}

#[test]
fn the_older_protocol_is_spoken_without_tickets() {
    let (at, serving) = serve(own(2030, 0).config(&[&rustls::version::TLS12]), 2, OK);
    let line = line(at);
    assert!(asked(&line).is_ok() && asked(&line).is_ok());
    assert_eq!(serving.join().unwrap(), 0);
}

#[test]
fn no_key_goes_to_who_is_not_trusted_with_it() {
    let own = own(2030, 0);
    let print = Presented::of(&own.chain[0]).print;
    let (at, serving) = serve(own.config(BOTH), 2, OK);
    let line = line(at);
    let mut question = Question::get("/mcp");
    question.headers = vec![(hyper::header::AUTHORIZATION, hyper::header::HeaderValue::from_static("Bearer canary"))];
    let came = |is_known: bool| {
        let trusts = move |shown: Option<&Presented>| is_known && shown.is_some_and(|shown| shown.print == print);
        waits(ask_verified(Whom { line: &line, still: &|| true, trusts: &trusts }, &question, |_| false))
    };
    assert_eq!(came(false).unwrap_err(), Failure::Untrusted);
    assert_eq!(came(true).unwrap().status, 200);
    serving.join().unwrap();
    // Nor without TLS to whom nobody vouches for.
    let (at, serving) = raw(|socket| assert_eq!(socket.read(&mut [0; 64]).unwrap_or(0), 0));
    let plain = Line::plain(at);
    let came = waits(ask_verified(Whom { line: &plain, still: &|| true, trusts: &|_| false }, &question, |_| false));
    assert_eq!(came.unwrap_err(), Failure::Untrusted);
    serving.join().unwrap();
}

#[test]
fn the_chain_has_an_end() {
    let mut long = own(2030, 400);
    let leaf = long.chain[0].clone();
    assert!(leaf.len() > 16 * 1024, "{}", leaf.len());
    let (at, serving) = serve(long.config(BOTH), 1, OK);
    assert_eq!(asked(&line(at)).unwrap_err(), Failure::LongChain);
    serving.join().unwrap();
    long.chain = vec![own(2030, 300).chain[0].clone(); 8];
    let (at, serving) = serve(long_of(&long), 1, OK);
    assert!(matches!(asked(&line(at)).unwrap_err(), Failure::TooMuch | Failure::LongChain | Failure::NoHandshake));
    serving.join().unwrap();
}

/// With the key of the first one only as far as nobody checks: the chain is never come to.
fn long_of(own: &Own) -> Arc<ServerConfig> {
    let fresh = self::own(2030, 0);
    let chain = fresh.chain.iter().chain(&own.chain).cloned().collect();
    Own { chain, key: fresh.key }.config(BOTH)
}

#[test]
fn a_body_without_end_is_cut_off_with_the_handshake_counted() {
    let endless: &'static [u8] = Box::leak([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 1 << 20]].concat().into_boxed_slice());
    let (at, serving) = serve(own(2030, 0).config(BOTH), 1, endless);
    let answer = asked(&line(at)).unwrap();
    assert_eq!((answer.status, answer.is_whole), (200, false));
    assert!(answer.body.len() < 64 * 1024, "{}", answer.body.len());
    serving.join().unwrap();
}

#[test]
fn a_server_that_wants_a_certificate_is_told_apart() {
    let own = own(2030, 0);
    let mut roots = RootCertStore::empty();
    roots.add(own.chain[0].clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&PROVIDER)).build().unwrap();
    for version in BOTH {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER)).with_protocol_versions(&[version]).unwrap();
        let config = builder.with_client_cert_verifier(Arc::clone(&verifier)).with_single_cert(own.chain.clone(), key).unwrap();
        let (at, serving) = serve(Arc::new(config), 1, OK);
        assert!(matches!(asked(&line(at)).unwrap_err(), Failure::WantsCertificate | Failure::NoHandshake), "{version:?}");
        serving.join().unwrap();
    }
}

#[test]
fn what_is_no_handshake_is_told_apart() {
    let outcome = |treat: fn(&mut TcpStream)| {
        let (at, serving) = raw(treat);
        let came = asked(&line(at)).unwrap_err();
        serving.join().unwrap();
        came
    };
    assert_eq!(outcome(|socket| drop(socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"))), Failure::NotTls);
    assert_eq!(outcome(|socket| drop(socket.write_all(b"\x15\x03\x01\0\x02\x02\x28"))), Failure::NoHandshake);
    assert_eq!(outcome(|socket| drop(socket.write_all(b"\x16\x03\x03\0\x04\x02\0\0\0"))), Failure::NoHandshake);
    assert_eq!(outcome(|_| ()), Failure::Closed);
}

#[test]
fn a_handshake_that_drips_or_has_no_end_is_bounded() {
    // A message of 64 KiB is promised and never whole.
    let (at, serving) = raw(|socket| {
        let _ = socket.write_all(b"\x16\x03\x03\x40\0\x02\0\xff\xf0");
        while socket.write_all(b"\0").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    assert_eq!(asked(&line(at)).unwrap_err(), Failure::Silent);
    serving.join().unwrap();
    // Records that say nothing, for ever: each is whole.
    let (at, serving) = raw(|socket| while socket.write_all(&b"\x14\x03\x03\0\x01\x01".repeat(1000)).is_ok() {});
    assert!(matches!(asked(&line(at)).unwrap_err(), Failure::NotTls | Failure::TooMuch));
    serving.join().unwrap();
}
