//! Files that are looked at on a thread beside, while those before them are made use of: of ten thousand the one takes as long as the other.
//!
//! It must never decide anything: without it everything is found as well, one after the other.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::hand::{Foreseen, Reader, SeenAhead};

/// The thread, and what goes to and fro.
pub struct Vanguard<'scope> {
    ask: SyncSender<Vec<Foreseen>>,
    brought: Receiver<SeenAhead>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl<'scope> Vanguard<'scope> {
    /// Sends one out; `None` where no thread can be had.
    pub fn start(scope: &'scope Scope<'scope, '_>, reader: &'scope Reader) -> Option<Self> {
        let (ask, asked) = sync_channel::<Vec<Foreseen>>(1);
        let (bring, brought) = sync_channel(1);
        let go = move || {
            for paths in asked {
                if bring.send(reader.see_ahead(paths)).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new().name("berth-ahead".to_owned()).spawn_scoped(scope, go).ok()?;
        Some(Self { ask, brought, thread })
    }

    /// Has it look at these next.
    pub fn ask(&self, paths: Vec<Foreseen>) {
        // One that has failed brings nothing, and everything is asked for as ever.
        drop(self.ask.send(paths));
    }

    /// What it saw of those that were asked for first.
    pub fn seen(&self) -> Option<SeenAhead> {
        self.brought.recv().ok()
    }

    /// Calls it back. That it failed is in nobody's way.
    pub fn end(self) {
        drop((self.ask, self.brought));
        drop(self.thread.join());
    }
}
