//! The stranger: a listener in the demo's range that belongs to no instance.
//!
//! It must never answer anything: it only stands in the way.

use std::net::{Ipv4Addr, TcpListener};

/// Its whole life; the hidden subcommand `berth demo-stranger --port N`. Returns the process's exit code.
pub fn run(port: u16) -> u8 {
    let _ = nix::sys::prctl::set_name(c"demo-stranger");
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(listener) => {
            for connection in listener.incoming() {
                drop(connection);
            }
            0
        }
        Err(_) => 1,
    }
}
