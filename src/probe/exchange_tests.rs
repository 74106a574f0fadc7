//! One exchange, with servers that answer, do not, and mean harm.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;
use crate::probe::wire::MOST_READ;

/// A server that treats one connection so; how many bytes it got rid of is what it gives back.
fn server(treat: impl FnOnce(&mut TcpStream) -> usize + Send + 'static) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = [0; 4096];
        let _ = stream.read(&mut question).unwrap();
        treat(&mut stream)
    });
    (at, serving)
}

fn says(text: &'static str) -> impl FnOnce(&mut TcpStream) -> usize + Send + 'static {
    move |stream| {
        let _ = stream.write_all(text.as_bytes());
        text.len()
    }
}

/// Sends the same without end, until the other end has had enough.
fn floods(head: &'static str, piece: &'static str) -> impl FnOnce(&mut TcpStream) -> usize + Send + 'static {
    move |stream| {
        let mut sent = 0;
        let _ = stream.write_all(head.as_bytes());
        while let Ok(count) = stream.write(piece.repeat(200).as_bytes()) {
            sent += count;
        }
        sent
    }
}

fn asked(at: SocketAddr, enough: impl Fn(&[u8]) -> bool) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask(&Line::plain(at), &Question::get("/health"), enough))
}

fn outcome(treat: impl FnOnce(&mut TcpStream) -> usize + Send + 'static) -> Result<Answer, Failure> {
    let (at, serving) = server(treat);
    let came = asked(at, |_| false);
    serving.join().unwrap();
    came
}

#[test]
fn an_answer_is_read_to_its_end() {
    let answer = outcome(says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).unwrap();
    assert_eq!((answer.status, &*answer.body, answer.is_whole, answer.was_late), (200, &b"ok"[..], true, false));
    let answer = outcome(says("HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")).unwrap();
    assert_eq!((answer.status, &*answer.body, answer.is_whole), (401, &b"no"[..], true));
    let answer = outcome(says("HTTP/1.0 204 Nothing\r\n\r\n")).unwrap();
    assert_eq!((answer.status, answer.body.len()), (204, 0));
}

#[test]
fn what_is_sent_names_the_loopback_and_asks_for_nothing_packed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = vec![0; 4096];
        let count = stream.read(&mut question).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        String::from_utf8_lossy(&question[..count]).to_lowercase()
    });
    asked(at, |_| false).unwrap();
    let question = serving.join().unwrap();
    assert!(question.starts_with("get /health http/1.1\r\n"), "{question}");
    for line in [&*format!("host: 127.0.0.1:{}", at.port()), "connection: close", "accept-encoding: identity"] {
        assert!(question.contains(&format!("{line}\r\n")), "{line} in {question}");
    }
    assert!(!question.contains("origin") && !question.contains("cookie"), "{question}");
}

#[test]
fn a_redirect_is_an_answer_and_nobody_goes_there() {
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let text = format!("HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.local_addr().unwrap());
    let answer = outcome(move |stream| stream.write(text.as_bytes()).unwrap()).unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn what_is_packed_stays_packed() {
    // A thousand zeros of a bomb's million: told as they came.
    let answer = outcome(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n");
        stream.write(&[0; 1000]).unwrap()
    });
    assert_eq!(answer.unwrap().body.len(), 1000);
}

#[test]
fn a_body_without_end_is_cut_off() {
    let (at, serving) = server(floods("HTTP/1.1 200 OK\r\n\r\n", "endless "));
    let answer = asked(at, |_| false).unwrap();
    assert_eq!((answer.status, answer.is_whole, answer.was_late), (200, false, false));
    assert!(answer.body.len() <= MOST_READ, "{}", answer.body.len());
    serving.join().unwrap();
}

#[test]
fn headers_without_end_are_cut_off() {
    assert_eq!(outcome(floods("HTTP/1.1 200 OK\r\n", "X-Flood: y\r\n")).unwrap_err(), Failure::TooMuch);
    assert_eq!(outcome(floods("HTTP/1.1 200 OK\r\nX: ", "yyyyyyyyyyyyyyyyyy")).unwrap_err(), Failure::TooMuch);
    // Interim answers are answers, too; and a hundred headers more than are wanted.
    assert_eq!(outcome(floods("", "HTTP/1.1 100 Continue\r\n\r\n")).unwrap_err(), Failure::TooMuch);
    let many = "X: y\r\n".repeat(100);
    let came = outcome(move |stream| stream.write(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()).unwrap());
    assert_eq!(came.unwrap_err(), Failure::TooMuch);
}

#[test]
fn what_is_no_answer_is_told_apart() {
    assert_eq!(outcome(says("")).unwrap_err(), Failure::Closed);
    assert_eq!(outcome(says("SSH-2.0-OpenSSH_9.6\r\n")).unwrap_err(), Failure::NotHttp);
    assert_eq!(outcome(says("\u{15}\u{3}\u{1}\0\u{2}\u{2}F")).unwrap_err(), Failure::Tls);
    assert_eq!(outcome(says("HTTP/1.1 2")).unwrap_err(), Failure::Closed);
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::shutdown(&gone, rustix::net::Shutdown::Both).unwrap();
    assert_eq!(asked(gone.local_addr().unwrap(), |_| false).unwrap_err(), Failure::Refused);
}

#[test]
fn who_never_answers_and_who_drips_cost_the_deadline_and_no_more() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    assert_eq!(asked(silent.local_addr().unwrap(), |_| false).unwrap_err(), Failure::Silent);
    let drips = |head: &'static str, drop: &'static str| {
        move |stream: &mut TcpStream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(drop.as_bytes()).is_ok() {
                std::thread::sleep(Duration::from_millis(50));
            }
            0
        }
    };
    assert_eq!(outcome(drips("HTTP/1.1 200 OK\r\nX: ", "y")).unwrap_err(), Failure::Silent);
    let answer = outcome(drips("HTTP/1.1 200 OK\r\n\r\n", "y")).unwrap();
    assert_eq!((answer.status, answer.was_late), (200, true));
}

#[test]
fn a_stream_is_left_when_it_said_enough() {
    let (at, serving) = server(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: endpoint\ndata: /m\n\n");
        // Held open until the other end goes.
        stream.read(&mut [0; 1]).unwrap_or(0)
    });
    let answer = asked(at, |body| body.ends_with(b"\n\n")).unwrap();
    assert!(answer.is_whole && !answer.was_late);
    serving.join().unwrap();
}

/// What a server reads behind the question, once this was said: nothing is an end, an error a reset.
fn read_at_the_end(said: &'static str) -> std::io::Result<usize> {
    let (told, tells) = std::sync::mpsc::channel();
    let (at, serving) = server(move |stream| {
        let _ = stream.write_all(said.as_bytes());
        told.send(stream.read(&mut [0; 64])).unwrap();
        0
    });
    let _ = asked(at, |_| false);
    serving.join().unwrap();
    tells.recv().unwrap()
}

#[test]
fn no_server_is_ever_reset() {
    assert_eq!(read_at_the_end("").unwrap(), 0, "it said nothing");
    assert_eq!(read_at_the_end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap(), 0, "it said all");
    assert_eq!(read_at_the_end("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok").unwrap(), 0, "it said half");
    assert_eq!(read_at_the_end("what is this\r\n\r\n").unwrap(), 0, "it speaks something else");
}

#[test]
fn nothing_is_sent_to_somebody_else() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let came =
        runtime
            .block_on(ask_verified(Whom { line: &Line::plain(at), still: &|| false, trusts: &|_| true }, &Question::get("/"), |_| false));
    assert_eq!(came.unwrap_err(), Failure::Refused);
    let (mut stream, _) = listener.accept().unwrap();
    assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
}
