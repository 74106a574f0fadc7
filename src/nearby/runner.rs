//! The thread that listens now and then, and the one hearing that a command makes.
//!
//! It must never listen with root's rights: what it reads comes from whoever is on the link.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::Board;
use super::hear::hear;
use crate::domain::{Announcements, Shown};
use crate::probe::drop_all;

/// How long one hearing takes: the library asks twice within it, and answers come within a moment.
const HEARING: Duration = Duration::from_secs(3);

/// How long nothing is asked after it.
const REST: Duration = Duration::from_secs(57);

/// The longest rest after a flood; each doubles the one before.
const LONGEST_REST: Duration = Duration::from_secs(16 * 60);

/// Listens now and then for as long as the process lives.
///
/// # Errors
/// When no thread can be had.
pub fn start(board: Arc<Board>, kinds: Vec<String>) -> io::Result<()> {
    let work = move || {
        crate::failpoint::pass("berth-mdns");
        if drop_all().is_err() {
            board.put(refused());
            return;
        }
        let mut rest = REST;
        loop {
            let heard = hear(&kinds, HEARING);
            rest = if heard.is_flood { (rest * 2).min(LONGEST_REST) } else { REST };
            board.put(heard.told);
            std::thread::sleep(rest);
        }
    };
    std::thread::Builder::new().name("berth-mdns".to_owned()).stack_size(512 * 1024).spawn(work).map(drop)
}

/// Listens once, for so long.
///
/// # Errors
/// When no thread can be had.
pub fn once(kinds: Vec<String>, patience: Duration) -> io::Result<JoinHandle<Announcements>> {
    let work = move || {
        crate::failpoint::pass("berth-mdns");
        if drop_all().is_err() { refused() } else { hear(&kinds, patience).told }
    };
    std::thread::Builder::new().name("berth-mdns".to_owned()).stack_size(512 * 1024).spawn(work)
}

/// That it would have to be done with root's rights. The library's own thread has no more than the one that starts it.
fn refused() -> Announcements {
    let why = "nobody listens to what is announced by mDNS: the kernel did not take this thread's rights from it";
    Announcements { services: Some(Vec::new()), own: Vec::new(), notices: vec![Shown::from(why)] }
}
