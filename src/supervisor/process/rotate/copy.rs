//! Copying a part of one file to the same place in another: by the kernel where it can (shared blocks on XFS and Btrfs), else by hand.
//!
//! It must never report a byte as copied that was not written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// How much is copied by one call.
const AT_ONCE: u64 = 16 << 20;

/// The buffer of a copy by hand.
const BUFFER: usize = 128 * 1024;

/// Copies the bytes from `from` to `until`.
///
/// # Errors
/// The kernel's; `UnexpectedEof` when the source is shorter than that.
pub(super) fn part(source: &File, target: &File, from: u64, until: u64) -> io::Result<()> {
    let (mut read, mut written) = (from, from);
    while read < until {
        let length = usize::try_from((until - read).min(AT_ONCE)).unwrap_or(BUFFER);
        match rustix::fs::copy_file_range(source, Some(&mut read), target, Some(&mut written), length) {
            // Some file systems say 0 where they mean that they cannot, copy_file_range(2).
            Ok(0) => return by_hand(source, target, read, until),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {}
            // EXDEV, EOPNOTSUPP, ENOSYS: it cannot. Whatever else it is, writing by hand meets it again.
            Err(_) => return by_hand(source, target, read, until),
        }
    }
    Ok(())
}

fn by_hand(source: &File, target: &File, from: u64, until: u64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut at = from;
    while at < until {
        let length = usize::try_from(until - at).unwrap_or(BUFFER).min(BUFFER);
        source.read_exact_at(&mut buffer[..length], at)?;
        target.write_all_at(&buffer[..length], at)?;
        at += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn parts_make_the_whole_either_way() {
        for copy in [part, by_hand] {
            let (mut source, target) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
            let bytes: Vec<u8> = (0..1_000_000u32).map(|number| (number % 251) as u8).collect();
            source.write_all(&bytes).unwrap();
            copy(&source, &target, 0, 700_001).unwrap();
            copy(&source, &target, 700_001, 1_000_000).unwrap();
            let mut copied = vec![0; bytes.len()];
            target.read_exact_at(&mut copied, 0).unwrap();
            assert!(copied == bytes && target.metadata().unwrap().len() == 1_000_000);
            assert_eq!(copy(&source, &target, 0, 1_000_001).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }
}
