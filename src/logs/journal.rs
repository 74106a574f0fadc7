//! A log that is kept by journald: what `journalctl` tells of a unit, written as lines into a file in memory that is read like any other.
//!
//! It must never hold more than so many lines, nor outlive whoever reads it: journalctl ends with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Opener;
use crate::domain::Uid;
use crate::hand::Spool;

/// How many of the last entries are told.
const LAST: usize = 20_000;

/// What the file in memory is called.
const NAME: &str = "berth-journal";

/// How long they may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Longer entries are cut, as lines of files are.
const LONGEST_ENTRY: u64 = 1024 * 1024;

/// Nothing else of an entry is read, but for its cursor.
const FIELDS: &str = "--output-fields=MESSAGE,PRIORITY,__REALTIME_TIMESTAMP";

/// A unit's journal.
pub struct Journal {
    /// What journalctl is told so that it tells of this unit alone.
    wanted: Vec<String>,
    most: usize,
    follows: bool,
    told: Mutex<Option<Told>>,
}

/// What was told so far, and who goes on telling.
struct Told {
    file: Arc<Mutex<Spool>>,
    child: Option<Child>,
}

impl Journal {
    /// The journal of this unit, followed from its last entries on; nothing is asked for yet. `user` is whose own manager has it, where the
    /// host's does not.
    pub fn of(unit: &str, user: Option<Uid>) -> Self {
        Self { wanted: wanted(unit, user), most: LAST, follows: true, told: Mutex::new(None) }
    }

    /// Its last entries alone.
    pub fn last(unit: &str, user: Option<Uid>, most: usize) -> Self {
        Self { wanted: wanted(unit, user), most, follows: false, told: Mutex::new(None) }
    }

    fn ask(&self, further: &[&str]) -> io::Result<(Child, BufReader<ChildStdout>)> {
        let mut command = Command::new("journalctl");
        command.args(["--no-pager", "--quiet", "-o", "json", FIELDS]).args(further).args(&self.wanted);
        // Its language and its pager are nobody's business here.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        match child.stdout.take() {
            Some(told) => Ok((child, BufReader::new(told))),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Writes down what there is, and has written down what comes after that.
    fn begin(&self) -> io::Result<Told> {
        let file = Arc::new(Mutex::new(Spool::new(NAME)?));
        let (mut child, told) = self.ask(&["--lines", &self.most.to_string()])?;
        let (tell, last) = std::sync::mpsc::channel();
        let written = Arc::clone(&file);
        // Whoever waited may have given up.
        let spawned = beside(move || drop(tell.send(copy(told, &written))));
        let last = spawned.and_then(|()| last.recv_timeout(DEADLINE).map_err(|_| io::ErrorKind::TimedOut.into()));
        end(&mut child);
        let last = last?;
        if !self.follows {
            return Ok(Told { file, child: None });
        }
        let after = last.map(|cursor| format!("--after-cursor={cursor}"));
        let further: Vec<&str> = ["--follow", "--lines", "all"].into_iter().chain(after.as_deref()).collect();
        let (mut child, told) = self.ask(&further)?;
        let written = Arc::clone(&file);
        match beside(move || drop(copy(told, &written))) {
            Ok(()) => Ok(Told { file, child: Some(child) }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }
}

/// The unit's own words, and those of its manager about it. `--user-unit` would mean whoever asks; what journald itself says of whoever wrote
/// an entry cannot be made up, systemd.journal-fields(7).
fn wanted(unit: &str, user: Option<Uid>) -> Vec<String> {
    match user {
        None => vec!["--unit".to_owned(), unit.to_owned()],
        Some(uid) => {
            let [by, of] = ["_SYSTEMD_USER_UNIT", "USER_UNIT"].map(|field| format!("{field}={unit}"));
            let uid = format!("_UID={uid}");
            vec![by, uid.clone(), "+".to_owned(), of, uid]
        }
    }
}

fn beside(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let run = move || {
        crate::failpoint::pass("berth-journal");
        work();
    };
    std::thread::Builder::new().name("berth-journal".to_owned()).stack_size(256 * 1024).spawn(run).map(drop)
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Writes each entry as a line, for as long as there are any, and gives the last one's cursor.
fn copy(mut told: impl BufRead, file: &Mutex<Spool>) -> Option<String> {
    let (mut entry, mut line, mut last) = (Vec::new(), String::new(), None);
    loop {
        entry.clear();
        match (&mut told).take(LONGEST_ENTRY).read_until(b'\n', &mut entry) {
            Ok(1..) => {}
            _ => return last,
        }
        line.clear();
        let Some(cursor) = as_line(&entry, &mut line) else { continue };
        last = Some(cursor);
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.turn_over();
        if file.write_all(line.as_bytes()).is_err() {
            return last;
        }
    }
}

/// An entry of `journalctl -o json` as a line: when, how bad, what. Its cursor; nothing where it is no entry that says something.
fn as_line(entry: &[u8], line: &mut String) -> Option<String> {
    let entry: serde_json::Value = serde_json::from_slice(entry).ok()?;
    let message = match &entry["MESSAGE"] {
        serde_json::Value::String(message) => message.clone(),
        // What is no UTF-8, or holds what is no text, is told as numbers, systemd.journal-fields(7).
        serde_json::Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes.iter().filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => return None,
    };
    let micros = entry["__REALTIME_TIMESTAMP"].as_str().and_then(|micros| micros.parse().ok());
    let at = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    // What is written to a plain standard output has priority 6; a word for it would only be in the way.
    let level = match entry["PRIORITY"].as_str() {
        Some("0" | "1" | "2" | "3") => "ERROR ",
        Some("4") => "WARN ",
        Some("7") => "DEBUG ",
        _ => "",
    };
    let at = at.map(|at| format!("{at:.3} ")).unwrap_or_default();
    for (index, text) in message.trim_end_matches('\n').split('\n').enumerate() {
        // Further lines of one message belong to the one that has its time.
        line.push_str(&if index == 0 { format!("{at}{level}{text}\n") } else { format!("{text}\n") });
    }
    Some(entry["__CURSOR"].as_str().unwrap_or_default().to_owned())
}

impl Opener for Journal {
    fn open(&self) -> io::Result<File> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = match &mut *told {
            Some(told) => told,
            none => none.insert(self.begin()?),
        };
        told.file.lock().unwrap_or_else(PoisonError::into_inner).reopen()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let told = self.told.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(child) = told.as_mut().and_then(|told| told.child.as_mut()) {
            end(child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(entries: &str) -> String {
        let file = Mutex::new(Spool::new(NAME).unwrap());
        assert_eq!(copy(entries.as_bytes(), &file).as_deref(), Some("c3"));
        let mut read = file.lock().unwrap().reopen().unwrap();
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn entries_become_lines_with_their_time_and_how_bad_they_are() {
        let told = r#"{"__REALTIME_TIMESTAMP":"1700000000123456","PRIORITY":"3","MESSAGE":"no room"}
{"__REALTIME_TIMESTAMP":"1700000001000000","PRIORITY":"6","MESSAGE":"listening\non 8101"}
{"__REALTIME_TIMESTAMP":"1700000002000000","PRIORITY":"4","MESSAGE":[104,105,255],"__CURSOR":"c3"}
{"__REALTIME_TIMESTAMP":"1700000003000000","MESSAGE":null}
no entry
"#;
        assert_eq!(
            lines(told),
            "2023-11-14T22:13:20.123Z ERROR no room\n2023-11-14T22:13:21.000Z listening\non 8101\n2023-11-14T22:13:22.000Z WARN hi\u{fffd}\n"
        );
    }

    #[test]
    fn a_users_unit_is_asked_for_by_whose_it_is() {
        assert_eq!(wanted("mcp.service", None), ["--unit", "mcp.service"]);
        let own = ["_SYSTEMD_USER_UNIT=mcp.service", "_UID=1001", "+", "USER_UNIT=mcp.service", "_UID=1001"];
        assert_eq!(wanted("mcp.service", Some(Uid(1001))), own);
    }

    #[test]
    fn what_is_read_of_it_has_times_and_levels() {
        let file = Mutex::new(Spool::new(NAME).unwrap());
        let told = r#"{"__REALTIME_TIMESTAMP":"1700000000123456","PRIORITY":"3","MESSAGE":"no room"}"#;
        copy(told.as_bytes(), &file);
        let read = super::super::last_lines(&file.lock().unwrap().reopen().unwrap(), 5).unwrap();
        assert_eq!((read[0].level, read[0].at.map(|at| at.as_second())), (Some(crate::domain::LogLevel::Error), Some(1_700_000_000)));
    }
}
