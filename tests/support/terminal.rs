//! A program in a terminal: a pty of a given size, what it shows on it, how many bytes that took, and keys for it.
//!
//! It must never outlive its test: dropping it hangs the terminal up and kills the program.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How often the screen is looked at while something is waited for.
const GLANCE: Duration = Duration::from_millis(2);

/// A terminal with a program in it.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<AtomicU64>,
    sent: Arc<Mutex<Vec<u8>>>,
    tty: Option<PathBuf>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts a program in a terminal of this size, with nothing in its environment but what is given and what every terminal has.
    pub fn start(columns: u16, rows: u16, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        // The last copy of the slave must be the program's: its end is then the reader's.
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let size = |number| NonZeroU16::new(number).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)));
        let bytes = Arc::new(AtomicU64::new(0));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (shown, counted, kept) = (Arc::clone(&screen), Arc::clone(&bytes), Arc::clone(&sent));
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                shown.lock().unwrap_or_else(PoisonError::into_inner).process(&buffer[..count]);
                // After the screen: what was sent is on it by the time that it is found here.
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
                counted.fetch_add(count as u64, Ordering::SeqCst);
            }
        });
        Self { child, writer, screen, bytes, sent, tty: pair.master.tty_name(), master: pair.master }
    }

    /// The program's pid.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.process_id().unwrap()).unwrap()
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Loses what was shown, as a line that another program wrote over it does; the program does not know.
    pub fn smudge(&self) {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).process(b"\x1b[2J");
    }

    /// Whether the program is told about the mouse.
    pub fn has_mouse(&self) -> bool {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.screen().mouse_protocol_mode() != vt100::MouseProtocolMode::None
    }

    /// Whether the cell shows its colours the other way round.
    pub fn is_reversed(&self, x: u16, y: u16) -> bool {
        let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        screen.screen().cell(y, x).is_some_and(vt100::Cell::inverse)
    }

    /// Whether the program has the second screen.
    pub fn is_alternate(&self) -> bool {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().alternate_screen()
    }

    /// Whether the cursor is to be seen.
    pub fn has_cursor(&self) -> bool {
        !self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().hide_cursor()
    }

    /// The terminal's settings, as `stty -g` tells them.
    pub fn settings(&self) -> String {
        let tty = std::fs::File::open(self.tty.as_ref().unwrap()).unwrap();
        let output = Command::new("stty").arg("-g").stdin(tty).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes it another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        if let (Some(columns), Some(rows)) = (NonZeroU16::new(columns), NonZeroU16::new(rows)) {
            self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen_mut().set_size(rows, columns);
        }
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// How many bytes of what the program has sent are on the screen so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    /// All that the program has sent so far, as it was sent.
    pub fn sent(&self) -> Vec<u8> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until the screen shows something. Says how long that took, or fails with what is shown instead.
    pub fn until(&self, what: &str, patience: Duration, shown: impl Fn(&str) -> bool) -> Duration {
        let begin = Instant::now();
        loop {
            // Taken before looking: what is seen was there by then.
            let elapsed = begin.elapsed();
            let text = self.text();
            if shown(&text) {
                return elapsed;
            }
            assert!(elapsed < patience, "not on the screen within {patience:?}: {what}\n{text}");
            thread::sleep(GLANCE);
        }
    }

    /// Waits for the program's own end and gives its exit code.
    pub fn end(&mut self, patience: Duration) -> u32 {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(begin.elapsed() < patience, "still there after {patience:?}:\n{}", self.text());
            thread::sleep(GLANCE);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
