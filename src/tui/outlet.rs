//! Frames on their way to the terminal: one at a time, on a thread of their own, so that a terminal that does not take
//! them (a stalled link, a suspended multiplexer) never keeps the loop from keys and signals.
//!
//! It must never queue frames: while one is on its way, the loop draws none, and then the newest.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::sync::Notify;

use crate::error::{Context, Result};

/// The way out.
pub struct Outlet {
    sender: SyncSender<Vec<u8>>,
    busy: Arc<AtomicBool>,
    drained: Arc<Notify>,
}

impl Outlet {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(mut sink: impl Write + Send + 'static) -> Result<Self> {
        let (sender, receiver) = sync_channel::<Vec<u8>>(1);
        let (busy, drained) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (writing, done) = (Arc::clone(&busy), Arc::clone(&drained));
        std::thread::Builder::new()
            .name("terminal".to_owned())
            .stack_size(128 * 1024)
            .spawn(move || {
                crate::failpoint::pass("terminal");
                super::swift::be();
                for frame in receiver {
                    // A terminal that is gone is the watchdog's business.
                    let _ = sink.write_all(&frame).and_then(|()| sink.flush());
                    writing.store(false, Ordering::Release);
                    done.notify_one();
                }
            })
            .while_doing(|| "cannot start the thread that writes to the terminal".to_owned())?;
        Ok(Self { sender, busy, drained })
    }

    /// Whether a frame is on its way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Sends a frame. The caller asked `is_busy` before.
    pub fn send(&self, frame: Vec<u8>) {
        self.busy.store(true, Ordering::Release);
        if self.sender.try_send(frame).is_err() {
            self.busy.store(false, Ordering::Release);
        }
    }

    /// Waits until the frame on its way has left.
    pub async fn drained(&self) {
        while self.is_busy() {
            self.drained.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_sent_arrives() {
        let sink = Sink::default();
        let outlet = Outlet::start(sink.clone()).unwrap();
        outlet.send(b"one".to_vec());
        outlet.drained().await;
        outlet.send(b" two".to_vec());
        outlet.drained().await;
        assert_eq!(&*sink.0.lock().unwrap(), b"one two");
        assert!(!outlet.is_busy());
    }
}
