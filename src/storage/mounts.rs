//! Which file systems are mounted where, from /proc/self/mountinfo (proc_pid_mountinfo(5)).
//!
//! It must never touch a mount itself: a dead one hangs. The kernel's list does not.

use std::collections::HashMap;

use crate::domain::Shown;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Major and minor number joined as in `hand::FileFacts::device`.
    pub device: u64,
    /// Where.
    pub mounted_on: Shown,
    /// The type: `ext4`, `nfs4`, `fuse.sshfs`.
    pub kind: Shown,
}

/// The mounts by their ids (statx(2), STATX_MNT_ID).
#[derive(Clone, Debug, Default)]
pub(super) struct Mounts(HashMap<u64, Mount>);

impl Mounts {
    /// Reads what is mounted now. Nothing where /proc does not tell.
    pub fn read() -> Self {
        std::fs::read("/proc/self/mountinfo").map(|text| Self::parse(&text)).unwrap_or_default()
    }

    /// The mount with this id.
    pub fn get(&self, id: u64) -> Option<&Mount> {
        self.0.get(&id)
    }

    /// All of them, in no order.
    #[cfg(any(test, fuzzing))]
    pub fn all(&self) -> impl Iterator<Item = &Mount> {
        self.0.values()
    }

    pub(super) fn parse(text: &[u8]) -> Self {
        Self(text.split(|byte| *byte == b'\n').filter_map(mount).collect())
    }
}

/// One line: "36 35 98:0 /root /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue".
fn mount(line: &[u8]) -> Option<(u64, Mount)> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let word = |at: usize| fields.get(at).and_then(|field| std::str::from_utf8(field).ok());
    let id = word(0)?.parse().ok()?;
    let (major, minor) = word(2)?.split_once(':')?;
    let device = (major.parse::<u64>().ok()? << 32) | minor.parse::<u64>().ok()?;
    // Between the options and the dash lies any number of optional fields.
    let dash = fields.iter().skip(6).position(|field| *field == b"-")? + 6;
    let kind = Shown::from_bytes(fields.get(dash + 1)?);
    Some((id, Mount { device, mounted_on: Shown::from_bytes(&unescaped(fields.get(4)?)), kind }))
}

/// The kernel writes blank, tab, newline and backslash as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        let value = octal.map(|digits| digits.iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0')));
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_and_without_optional_fields() {
        let text = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw\n\
            40 36 0:52 / /srv/a\\040b rw - nfs4 host:/export rw\n\
            not a line\n41 36 8 / /x rw - ext4\n";
        let mounts = Mounts::parse(text);
        assert_eq!(mounts.0.len(), 2);
        assert_eq!(mounts.get(36), Some(&Mount { device: 98 << 32, mounted_on: "/mnt2".into(), kind: "ext3".into() }));
        assert_eq!(mounts.get(40), Some(&Mount { device: 52, mounted_on: "/srv/a b".into(), kind: "nfs4".into() }));
    }

    #[test]
    fn only_whole_escapes_are_escapes() {
        assert_eq!(unescaped(br"a\134b\04\777\"), br"a\b\04\777\");
    }

    #[test]
    fn this_process_has_mounts() {
        assert!(!Mounts::read().0.is_empty());
    }
}
