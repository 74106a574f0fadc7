//! Where file systems are mounted whose answers come from elsewhere, read from the kernel's list.
//!
//! It must never ask such a file system anything.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// File systems whose answers come from elsewhere: over a network, or from a program.
const FROM_ELSEWHERE: [&str; 16] = [
    "fuse",
    "nfs",
    "cifs",
    "smb",
    "9p",
    "ceph",
    "afs",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "orangefs",
    "ocfs2",
    "gfs2",
    "autofs",
    "virtiofs",
];

/// Where file systems are mounted that may hang.
pub(super) fn mounts(text: &[u8]) -> Vec<(PathBuf, bool)> {
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

/// One line: "36 35 98:0 /root /mnt2 rw,noatime master:1 - nfs4 host:/export rw".
fn mount(line: &[u8]) -> Option<(PathBuf, bool)> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let place = fields.next()?;
    // Between the options and the dash lies any number of optional fields.
    let kind = std::str::from_utf8(fields.skip_while(|field| *field != b"-").nth(1)?).ok()?;
    let is_slow = FROM_ELSEWHERE.iter().any(|name| kind.starts_with(name));
    is_slow.then(|| (PathBuf::from(OsString::from_vec(unescaped(place))), kind.starts_with("fuse")))
}

/// The kernel writes blank, tab, newline and backslash as three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut at = 0;
    while let Some(first) = field.get(at) {
        let digits = field.get(at + 1..at + 4).filter(|digits| *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        let value = digits.map(|digits| digits.iter().fold(0u32, |value, digit| value * 8 + u32::from(digit - b'0')));
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => {
                bytes.push(byte);
                at += 4;
            }
            None => {
                bytes.push(*first);
                at += 1;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_from_elsewhere_is_known_by_its_type() {
        let text = b"36 35 98:0 / /data rw - ext4 /dev/root rw\n40 36 0:52 / /srv/a\\040b rw shared:1 master:2 - nfs4 host:/x rw\n\
            41 36 0:53 / /home/amy/far rw - fuse.sshfs amy@x: rw\n42 36 0:54 / /proc rw - proc proc rw\n43 36 0:55\n\
            44 36 0:56 / /w rw - fuse w rw\n45 36 0:57 / /a\\1 rw - autofs a rw\n46 36 0:58 / /z rw -\n";
        let expected = [("/srv/a b", false), ("/home/amy/far", true), ("/w", true), ("/a\\1", false)];
        assert_eq!(mounts(text), expected.map(|(place, is_program)| (PathBuf::from(place), is_program)));
    }
}
