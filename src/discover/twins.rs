//! Which services were seen to be which configured instances, so that they are one row also while nothing of them runs.
//!
//! It must never be an authority: an entry counts only while account, port and both sides are as they were seen. Where it cannot be kept
//! nothing else fails.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{InstanceId, SupervisorKind, Twin};

/// Longer than any such file gets; the rest of a larger one is not read.
const MOST: usize = 1024 * 1024;

/// They, shared by all eyes of this process.
#[derive(Clone, Debug, Default)]
pub struct Twins(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    file: Option<PathBuf>,
    /// By supervisor and name: the instance, and its configured port.
    all: HashMap<String, (InstanceId, Option<u16>)>,
    /// Rises with each new one.
    serial: u64,
}

impl Twins {
    /// Those that are kept below berth's state: a line each, the last one of a service counts.
    pub fn below(state: &Path) -> Self {
        let file = state.join("twins");
        let text = std::fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(..MOST).unwrap_or(&text)).into_owned();
        let all = text.lines().filter_map(read).collect();
        Self(Arc::new(Mutex::new(Known { file: Some(file), all, serial: 0 })))
    }

    /// Keeps these. True when one of them is new.
    pub fn keep(&self, seen: &[Twin]) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_new = false;
        for twin in seen {
            let (key, value) = (key(twin.kind, twin.service.as_str()), (twin.id.clone(), twin.port));
            if known.all.get(&key) == Some(&value) {
                continue;
            }
            is_new = true;
            if let Some(file) = &known.file {
                let port = twin.port.map(|port| port.to_string()).unwrap_or_default();
                write(file, &format!("{key}\t{}\t{port}\n", twin.id));
            }
            known.all.insert(key, value);
        }
        known.serial += u64::from(is_new);
        is_new
    }

    /// How often there was a new one.
    pub(super) fn serial(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).serial
    }

    /// Which instance a service was seen to be, and that one's configured port.
    pub(super) fn of(&self, kind: SupervisorKind, service: &str) -> Option<(InstanceId, Option<u16>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.get(&key(kind, service)).cloned()
    }
}

fn key(kind: SupervisorKind, service: &str) -> String {
    format!("{}\t{service}", kind.word())
}

fn read(line: &str) -> Option<(String, (InstanceId, Option<u16>))> {
    let mut parts = line.rsplitn(3, '\t');
    let (port, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
    Some((key.to_owned(), (InstanceId::parse(id).ok()?, port)))
}

fn write(file: &Path, line: &str) {
    // Without it they are two rows again while nothing of them runs, and that is all.
    let directory = file.parent().unwrap_or(Path::new("/"));
    let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    let file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file);
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_once_is_known_to_the_next_who_looks() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let twin = |port| Twin {
            kind: SupervisorKind::Systemd,
            service: "mcp-files.service".into(),
            id: InstanceId::parse("alice/tools").unwrap(),
            port,
        };
        let twins = Twins::below(&state);
        assert!(twins.keep(&[twin(Some(8101))]) && !twins.keep(&[twin(Some(8101))]) && !twins.keep(&[]));
        assert!(twins.keep(&[twin(None)]));
        assert_eq!(twins.serial(), 2);
        let other = Twins::below(&state);
        let id = InstanceId::parse("alice/tools").unwrap();
        assert_eq!(other.of(SupervisorKind::Systemd, "mcp-files.service"), Some((id, None)));
        assert_eq!(other.of(SupervisorKind::Process, "mcp-files.service"), None);
        std::fs::write(state.join("twins"), "nonsense\nsystemd\tx\t../y\t1\nsystemd\tx\ty\tport\n").unwrap();
        assert_eq!(Twins::below(&state).of(SupervisorKind::Systemd, "x"), None);
    }
}
