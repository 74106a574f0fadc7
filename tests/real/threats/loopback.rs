//! The daemon over TCP on loopback, asked by real accounts: each is told the own without a token, and nothing can be changed.
//!
//! It must never take the daemon's word for who asked: each request is made by a thread with that account's uid.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use serde_json::Value;

use super::socket::{NOBODY, PLANTED, Served, as_user, host};
use crate::accounts::Account;
use crate::parts;

/// Asks with these headers beside what is asked; the status and the body.
fn ask(at: SocketAddr, line: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(crate::api::PATIENCE)).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn a17_over_tcp_everybody_only_looks_and_as_oneself() {
    let Some(()) = parts::root() else { return };
    let (host, admin) = host();
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    // Nobody may take it in between: the daemon's bind fails then, and says so.
    let at: SocketAddr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let text = fs::read_to_string(&host.berth.config).unwrap();
    fs::write(&host.berth.config, text.replace("[daemon]\n", &format!("[daemon]\nhttp = \"{at}\"\n"))).unwrap();
    let _served = Served::on(&host);
    let meant = format!("Host: {at}\r\n");
    let of = |account: &Account| (account.uid, account.gid);
    let get = |who: (u32, u32), path: &str| as_user(who.0, who.1, || ask(at, &format!("GET {path}"), &meant));
    let callers = [((0, 0), "viewer"), (of(&admin), "viewer"), (of(alice), "viewer"), (of(bob), "viewer"), ((NOBODY, NOBODY), "stranger")];
    for (who, role) in callers {
        let (status, body) = get(who, "/v1/me");
        let me: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, me["uid"].as_u64(), me["role"].as_str(), me["read_only"].as_bool()),
            (200, Some(who.0.into()), Some(role), Some(true))
        );
        let own: Vec<&str> = me["instances"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        let expected: Vec<&str> = host.owners.iter().filter(|owner| owner.uid == who.0).map(|owner| owner.name.as_str()).collect();
        assert_eq!(own, expected);
        // What an admin would see a proxy of root's would see for whoever comes to it.
        let (_, all) = get(who, "/v1/snapshot");
        let logs = get(who, &format!("/v1/instances/{}/logs", alice.name));
        if who.0 != alice.uid {
            assert!(logs.0 >= 400 && !all.contains(PLANTED) && !logs.1.contains(PLANTED), "{who:?}: {} {all}", logs.1);
        }
    }
    let port = get(of(alice), &format!("/v1/ports/{}", alice.name));
    assert!(port.0 == 200 && port.1.contains("\"port\""), "{port:?}");

    let before = host.berth.instance(&alice.name)["state"].clone();
    let refused = |line: &str, headers: &str| as_user(0, 0, || ask(at, line, headers)).0;
    assert_eq!(refused(&format!("POST /v1/instances/{}/start", alice.name), &meant), 405);
    assert_eq!(refused("POST /v1/console/call", &meant), 405);
    assert_eq!(host.berth.instance(&alice.name)["state"], before);
    for headers in ["Host: evil.example\r\n".to_owned(), String::new(), format!("Host: evil.example:{}\r\n", at.port())] {
        assert_eq!(refused("GET /v1/me", &headers), 421, "{headers}");
    }
    for page in ["Origin: null\r\n", "Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        assert_eq!(refused("GET /v1/me", &format!("{meant}{page}")), 403, "{page}");
    }
    let head = as_user(0, 0, || ask(at, "GET /metrics", &meant));
    assert!(head.0 == 200 && head.1.contains("berth_instances{"), "{head:?}");
}
