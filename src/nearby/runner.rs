//! The thread that has somebody listen now and then, and the one hearing that a command makes.
//!
//! It must never take apart what was sent: that is done in a process that can fail alone.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::Board;
use super::ear::listen;
use super::hear::{Heard, cannot};
use super::hearings::Hearings;
use crate::domain::Announcements;

/// How long one hearing takes: the library asks twice within it, and answers come within a moment.
const HEARING: Duration = Duration::from_secs(3);

/// How long nothing is asked after it.
const REST: Duration = Duration::from_secs(57);

/// The longest rest after a flood or a failure; each doubles the one before.
const LONGEST_REST: Duration = Duration::from_secs(16 * 60);

/// Listens now and then for as long as the process lives.
///
/// # Errors
/// When no thread can be had.
pub fn start(board: Arc<Board>, kinds: Vec<String>) -> io::Result<()> {
    let work = move || {
        crate::failpoint::pass("berth-mdns");
        let (mut rest, mut hearings) = (REST, Hearings::default());
        loop {
            let heard = listen(&kinds, HEARING);
            let is_well = heard.as_ref().is_ok_and(|heard| !heard.is_flood);
            rest = if is_well { REST } else { (rest * 2).min(LONGEST_REST) };
            // Nothing at all with a word about why is no hearing.
            let is_deaf = heard
                .as_ref()
                .map_or(true, |heard| !heard.told.notices.is_empty() && heard.told.services.as_ref().is_none_or(Vec::is_empty));
            board.put(hearings.add(told(heard), is_deaf));
            std::thread::sleep(rest);
        }
    };
    std::thread::Builder::new().name("berth-mdns".to_owned()).stack_size(256 * 1024).spawn(work).map(drop)
}

/// Listens once, for so long.
///
/// # Errors
/// When no thread can be had.
pub fn once(kinds: Vec<String>, patience: Duration) -> io::Result<JoinHandle<Announcements>> {
    let work = move || {
        crate::failpoint::pass("berth-mdns");
        told(listen(&kinds, patience))
    };
    std::thread::Builder::new().name("berth-mdns".to_owned()).stack_size(256 * 1024).spawn(work)
}

/// What was heard, or why nothing was.
fn told(heard: io::Result<Heard>) -> Announcements {
    match heard {
        Ok(heard) => heard.told,
        Err(error) => Announcements { services: Some(Vec::new()), own: Vec::new(), notices: vec![cannot(&error.to_string())] },
    }
}
