//! Many servers asked at once: how many connections there are at any time, counted where they come in.
//!
//! It must never count on how fast anything is: each answer is held back until others had the time to come.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use berth::domain::{Endpoint, Fingerprint, InstanceId, Pin, Process, ProcessKey, Reading, Row, Snapshot};
use berth::probe::{Board, KeyOf, Prober, World};
use tokio::sync::oneshot;

use super::fleet;
use super::stage::PATIENCE;

/// How many there are to be asked.
const ALL: usize = 200;

/// The most connections at a time that anybody is to see.
const MOST: usize = 50;

struct Around(Arc<Snapshot>);

impl World for Around {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0)
    }

    fn is_alive(&self, _: ProcessKey) -> bool {
        true
    }

    fn key(&self, _: &Arc<Row>) -> KeyOf {
        oneshot::channel().1
    }

    fn pin(&self, _: &InstanceId, _: u16, _: Fingerprint) -> Option<Pin> {
        None
    }

    fn has_pin(&self, _: &InstanceId, _: u16) -> bool {
        false
    }

    fn pins_serial(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Count {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Answers everybody, each after a while, and counts who is there at the same time.
fn serve(listener: TcpListener) -> Arc<Count> {
    let count = Arc::new(Count::default());
    let counting = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&counting);
            count.most.fetch_max(count.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 1024]);
                std::thread::sleep(Duration::from_millis(100));
                // Gone before the answer is there: who has it may connect again at once.
                count.now.fetch_sub(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            });
        }
    });
    count
}

#[test]
fn never_more_than_fifty_connections_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = serve(listener);
    let mut snapshot = fleet::fleet();
    let own = i32::try_from(std::process::id()).unwrap();
    let row = |index: usize| {
        let mut row = (**snapshot.row(&fleet::id("alice")).unwrap()).clone();
        let key = ProcessKey { pid: own, start_time: 1 };
        row.id = fleet::id(&format!("alice{index}"));
        row.main = Reading::Known(key);
        row.processes = vec![Arc::new(Process { key, ..(*row.processes[0]).clone() })];
        row.listening = vec![(Endpoint::new(Ipv4Addr::LOCALHOST.into(), port), Some(own))];
        Arc::new(row)
    };
    let rows: Vec<Arc<Row>> = (0..ALL).map(row).collect();
    snapshot.rows = rows;
    let board = Arc::new(Board::default());
    let prober = Prober::new(Arc::clone(&board), Arc::new(Around(Arc::new(snapshot))), Duration::from_secs(10));
    prober.once(None, PATIENCE).unwrap().join().unwrap();
    let newest = board.newest();
    let answered = newest.values().filter(|probed| probed.health.checked_at.is_some()).count();
    assert_eq!(answered, ALL);
    let most = count.most.load(Ordering::SeqCst);
    assert!((2..=MOST).contains(&most), "{most} at once");
}
