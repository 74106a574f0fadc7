//! Copying in a real terminal: the bytes that leave, the file where none may, the sentence that says which.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `http://127.0.0.1:8101/mcp`.
const URL: &str = "aHR0cDovLzEyNy4wLjAuMTo4MTAxL21jcA==";

/// What an environment has beside the usual.
type Variables = &'static [(&'static str, &'static str)];

/// The console in a terminal of which every byte is kept.
struct Console {
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    sent: Arc<Mutex<Vec<u8>>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Console {
    fn open(environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(PtySize { rows: 24, cols: 120, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args(["pty::the_console_itself", "--exact", "--nocapture"]);
        command.env_clear();
        for (name, value) in [("BERTH_TEST_CONSOLE", "shows"), ("LANG", "C.UTF-8")].iter().chain(environment) {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&sent);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                keeping.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { child, writer, sent, _master: pair.master }
    }

    fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.sent.lock().unwrap()).into_owned()
    }

    /// What is on the screen.
    fn screen(&self) -> String {
        let mut parser = vt100::Parser::new(24.try_into().unwrap(), 120.try_into().unwrap(), 0);
        parser.process(&self.sent.lock().unwrap());
        parser.screen().contents()
    }

    fn until(&self, text: &str) {
        let begin = Instant::now();
        while !self.screen().contains(text) {
            assert!(begin.elapsed() < PATIENCE, "not on the screen: {text}\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn keys(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Copies alice's client URL.
    fn copy(&mut self) {
        self.until("following");
        self.keys("y");
        self.until("Copy from alice");
        self.keys("client");
        self.until("> client");
        self.keys("\r");
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_sequence_leaves_once_and_as_what_stands_between_needs_it() {
    let cases: [(Variables, &str, String); 3] = [
        (&[("TERM", "xterm-256color")], "sent to the terminal's clipboard (OSC 52)", format!("\x1b]52;c;{URL}\x07")),
        (
            &[("TERM", "tmux-256color"), ("TMUX", "/tmp/tmux-1000/default,1,0")],
            "sent to tmux; nothing arrived? tmux set -s set-clipboard on",
            format!("\x1b]52;c;{URL}\x07\x1bPtmux;\x1b\x1b]52;c;{URL}\x07\x1b\\"),
        ),
        (
            &[("TERM", "screen"), ("STY", "7.host")],
            "sent to the clipboard through screen (OSC 52)",
            format!("\x1bP\x1b]52;c;{URL}\x07\x1b\\"),
        ),
    ];
    for (environment, way, sequence) in cases {
        let mut console = Console::open(environment);
        console.copy();
        console.until(&format!("alice's client URL: {way}"));
        // Another frame, so that what was sent twice would be seen.
        console.keys("j");
        console.until("bob/tools ─");
        let bytes = console.bytes();
        assert_eq!(bytes.matches("]52;").count(), sequence.matches("]52;").count(), "{environment:?}");
        assert_eq!(bytes.matches(&sequence).count(), 1, "{environment:?}");
    }
}

#[test]
fn a_terminal_without_a_clipboard_gets_a_file_and_is_told_its_name() {
    let root = tempfile::tempdir().unwrap();
    std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let runtime = root.path().to_str().unwrap();
    let mut console = Console::open(&[("TERM", "linux"), ("XDG_RUNTIME_DIR", runtime)]);
    console.copy();
    console.until("alice's client URL is in ");
    let directory = Path::new(runtime).join("berth");
    let files: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    assert!(console.screen().contains(files[0].to_str().unwrap()), "{}", console.screen());
    assert_eq!(std::fs::read_to_string(&files[0]).unwrap(), "http://127.0.0.1:8101/mcp");
    assert_eq!(std::fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!console.bytes().contains("]52;"));
}
