//! The server's log on standard output, and the counters behind /health and /metrics.
//!
//! It must never block the server for good: what cannot be written is lost.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

/// Log and counters of one server.
#[derive(Debug)]
pub struct Journal {
    begin: Instant,
    speaks: bool,
    sessions: AtomicU64,
    calls: AtomicU64,
    errors: AtomicU64,
}

impl Journal {
    /// An empty one; with `speaks` it writes to standard output.
    pub fn new(speaks: bool) -> Self {
        Self { begin: Instant::now(), speaks, sessions: AtomicU64::new(0), calls: AtomicU64::new(0), errors: AtomicU64::new(0) }
    }

    /// Something told in passing.
    pub fn info(&self, text: &str) {
        self.write("INFO ", text);
    }

    /// Something odd.
    pub fn warn(&self, text: &str) {
        self.write("WARN ", text);
    }

    /// Something that failed.
    pub fn error(&self, text: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        self.write("ERROR", text);
    }

    /// A tool was called.
    pub fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Another session, or one fewer.
    pub fn set_sessions(&self, count: u64) {
        self.sessions.store(count, Ordering::Relaxed);
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    fn write(&self, level: &str, text: &str) {
        if self.speaks {
            let now = Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
            // One write a line: lines of the two output streams must not be mixed.
            let _ = io::stdout().lock().write_all(format!("{now} {level} {text}\n").as_bytes());
        }
    }

    /// What /health answers.
    pub fn health(&self, name: &str, version: &str) -> String {
        let uptime = self.begin.elapsed().as_secs();
        json!({ "status": "ok", "server": name, "version": version, "uptime_seconds": uptime, "sessions": self.sessions() }).to_string()
    }

    /// What /metrics answers: OpenMetrics text.
    pub fn metrics(&self) -> String {
        let (sessions, calls, errors) = (self.sessions(), self.calls.load(Ordering::Relaxed), self.errors.load(Ordering::Relaxed));
        format!(
            "# TYPE mcp_sessions gauge\n# HELP mcp_sessions Open sessions.\nmcp_sessions {sessions}\n\
             # TYPE mcp_tool_calls counter\n# HELP mcp_tool_calls Tools called.\nmcp_tool_calls_total {calls}\n\
             # TYPE mcp_errors counter\n# HELP mcp_errors Errors logged.\nmcp_errors_total {errors}\n\
             # EOF\n"
        )
    }
}
