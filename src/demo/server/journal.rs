//! The demo server's log lines and its counters.
//!
//! It must never fail: a log that cannot be written ends no server.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// One server's log and counters, shared by everything in it.
#[derive(Debug)]
pub(super) struct Journal {
    begun: Instant,
    sessions: AtomicU64,
    calls: AtomicU64,
    errors: AtomicU64,
    call_microseconds: AtomicU64,
}

impl Journal {
    pub(super) fn new() -> Self {
        let zero = AtomicU64::default;
        Self { begun: Instant::now(), sessions: zero(), calls: zero(), errors: zero(), call_microseconds: zero() }
    }

    pub(super) fn info(&self, words: &str) {
        write("INFO ", words);
    }

    pub(super) fn warn(&self, words: &str) {
        write("WARN ", words);
    }

    pub(super) fn error(&self, words: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        write("ERROR", words);
    }

    /// Counts a session and writes who opened it.
    pub(super) fn session(&self, client: &str) {
        let number = self.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        self.info(&format!("session {number} opened by {client}"));
    }

    /// Counts a tool call and writes how long it took.
    pub(super) fn call(&self, tool: &str, spent: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.call_microseconds.fetch_add(u64::try_from(spent.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.info(&format!("tools/call {tool} {:.1} ms", spent.as_secs_f64() * 1e3));
    }

    /// The health document.
    pub(super) fn health(&self, name: &str, version: &str) -> String {
        let uptime = self.begun.elapsed().as_secs();
        serde_json::json!({ "status": "healthy", "server": name, "version": version, "uptime_seconds": uptime }).to_string()
    }

    /// The counters as OpenMetrics 1.0 text.
    pub(super) fn metrics(&self) -> String {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (sessions, calls, errors) = (get(&self.sessions), get(&self.calls), get(&self.errors));
        let seconds = Duration::from_micros(get(&self.call_microseconds)).as_secs_f64();
        let uptime = self.begun.elapsed().as_secs_f64();
        format!(
            "# TYPE mcp_sessions counter\n# HELP mcp_sessions Sessions opened.\nmcp_sessions_total {sessions}\n\
             # TYPE mcp_tool_calls counter\n# HELP mcp_tool_calls Tool calls answered.\nmcp_tool_calls_total {calls}\n\
             # TYPE mcp_tool_call_seconds counter\n# UNIT mcp_tool_call_seconds seconds\n\
             # HELP mcp_tool_call_seconds Time spent in tool calls.\nmcp_tool_call_seconds_total {seconds:.6}\n\
             # TYPE mcp_errors counter\n# HELP mcp_errors Errors logged.\nmcp_errors_total {errors}\n\
             # TYPE mcp_uptime_seconds gauge\n# UNIT mcp_uptime_seconds seconds\n\
             # HELP mcp_uptime_seconds Time since the start.\nmcp_uptime_seconds {uptime:.3}\n# EOF\n"
        )
    }
}

fn write(level: &str, words: &str) {
    // One write a line: whoever follows the file sees whole lines.
    let line = format!("{:.3} {level} {words}\n", Timestamp::now());
    let mut output = io::stdout().lock();
    let _ = output.write_all(line.as_bytes()).and_then(|()| output.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_counted() {
        let journal = Journal::new();
        journal.session("a test");
        journal.call("echo", Duration::from_millis(2));
        journal.error("a test's error");
        let text = journal.metrics();
        for line in ["mcp_sessions_total 1", "mcp_tool_calls_total 1", "mcp_tool_call_seconds_total 0.002000", "mcp_errors_total 1"] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
        assert!(text.ends_with("# EOF\n"));
        let health: serde_json::Value = serde_json::from_str(&journal.health("x", "1")).unwrap();
        assert_eq!(health["status"], "healthy");
    }
}
