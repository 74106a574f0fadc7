//! A listener inside the demo's range that belongs to no instance: the hidden subcommand `demo-stranger --port N`.
//!
//! It must never look like an MCP server: it says 200 to everything, and nothing more.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Listens until it is ended. The arguments are those after the subcommand.
pub fn main(arguments: &[OsString]) -> u8 {
    let Some(port) = super::option(arguments, "--port").and_then(|text| text.to_str()?.parse::<u16>().ok()) else { return 2 };
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) => serve(&listener),
        Err(_) => 1,
    }
}

fn serve(listener: &TcpListener) -> u8 {
    loop {
        match listener.accept() {
            Ok((client, _)) => answer(client),
            // Out of descriptors or the client is gone: no reason to spin.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// One client after the other: a stranger has no hurry.
fn answer(mut client: TcpStream) {
    let _ = client.set_read_timeout(Some(PATIENCE));
    let _ = client.set_write_timeout(Some(PATIENCE));
    let _ = client.read(&mut [0; 4096]);
    let _ = client.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\nconnection: close\r\n\r\nhi\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_200_to_everything() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || answer(listener.accept().unwrap().0));
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    }

    #[test]
    fn it_wants_a_port() {
        assert_eq!(main(&[]), 2);
        assert_eq!(main(&["--port=x".into()]), 2);
    }
}
