//! The file that tells a user's own scripts the port: where it lies and what it says.
//!
//! It must never be read as an authority: whatever a user writes there decides nothing.

use std::path::{Path, PathBuf};

use crate::domain::{InstanceId, Shown};

/// The longest that is read of one, bytes. A port has five digits.
pub const LONGEST: u64 = 32;

/// Where it lies: beside the PID file, which the same scripts read. `port` in a directory of the owner's own; where the PID files of several
/// lie in one, as each is called there.
pub fn port_file(id: &InstanceId, pid_file: &Path) -> Option<PathBuf> {
    let (directory, name) = (pid_file.parent()?, pid_file.file_name()?);
    let is_own = directory.iter().any(|part| part == id.owner());
    let name = match (is_own, id.is_default()) {
        (true, true) => "port".into(),
        // The instances of one owner may lie in one directory.
        (true, false) => format!("port-{}", id.name()).into(),
        (false, _) => Path::new(name).with_extension("port"),
    };
    Some(directory.join(name)).filter(|path| path != pid_file)
}

/// What it says.
pub fn port_text(port: u16) -> String {
    format!("{port}\n")
}

/// What it says instead; `None` when it is true.
pub fn untrue(text: &[u8], port: u16) -> Option<Shown> {
    if text == port_text(port).as_bytes() {
        return None;
    }
    let said = Shown::from_bytes(text.trim_ascii());
    Some(if said.as_str().is_empty() { Shown::from("nothing") } else { said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instance_has_a_file_of_its_own() {
        for (id, pid_file, expected) in [
            ("alice", "/opt/mcp-server/users/alice/server.pid", "/opt/mcp-server/users/alice/port"),
            ("alice/tools", "/opt/mcp-server/users/alice/server.pid", "/opt/mcp-server/users/alice/port-tools"),
            ("alice", "/run/mcp/alice.pid", "/run/mcp/alice.port"),
            ("alice/tools", "/run/mcp/alice-tools.pid", "/run/mcp/alice-tools.port"),
            ("alice", "/run/malice/x.pid", "/run/malice/x.port"),
        ] {
            let found = port_file(&InstanceId::parse(id).unwrap(), Path::new(pid_file));
            assert_eq!(found.as_deref(), Some(Path::new(expected)), "{id} {pid_file}");
        }
        let alice = InstanceId::parse("alice").unwrap();
        assert_eq!(port_file(&alice, Path::new("/")), None);
        assert_eq!(port_file(&alice, Path::new("/run/alice.port")), None, "the PID file itself");
    }

    #[test]
    fn it_is_true_to_the_byte_or_not() {
        assert_eq!(untrue(b"8081\n", 8081), None);
        for (text, said) in [(&b"9999\n"[..], "9999"), (b"8081", "8081"), (b"", "nothing"), (b" \n", "nothing"), (b" x y", "x y")] {
            assert_eq!(untrue(text, 8081), Some(Shown::from(said)), "{text:?}");
        }
    }
}
