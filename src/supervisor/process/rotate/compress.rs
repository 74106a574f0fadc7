//! Old rotated logs made smaller, at the lowest priority, and only while the log itself needs nothing.
//!
//! It must never take a file away before its compressed form is whole and has its name.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::fs::OFlags;

use super::shelf::Shelf;

/// How much is compressed between two looks at whether there is something more urgent.
const AT_ONCE: usize = 64 * 1024;

/// What a compressed form is called until it is whole.
const UNFINISHED: &str = ".berth-gz";

/// The compressor is made on the stack before it is moved to the heap, and is some 300 KiB large.
const STACK: usize = 2 << 20;

/// The first rotated log that is compressed; the newest stays as it is, so that who reads along finds its lines.
const FROM: u32 = 2;

/// Compresses what is plain and old, until nothing is or `urgent` says so. True when nothing is left to do; what cannot be compressed stays plain.
pub(super) fn old(log: &Path, keep: u32, urgent: impl Fn() -> bool + Sync) -> bool {
    let work = || {
        yield_to_everybody();
        let Ok(shelf) = Shelf::of(log) else { return true };
        for number in FROM..=keep {
            match shelf.forms(number).as_deref() {
                Ok([]) | Err(_) => return true,
                Ok([""]) => {}
                Ok(_) => continue,
            }
            match one(&shelf, number, &urgent) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(_) => return true,
            }
        }
        true
    };
    // A thread of its own, because nobody gets the priority back that it gives away (setpriority(2)).
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("compress".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        thread.is_ok_and(|thread| thread.join().unwrap_or(true))
    })
}

/// Compresses one; false when something more urgent came up.
fn one(shelf: &Shelf, number: u32, urgent: &impl Fn() -> bool) -> io::Result<bool> {
    let (plain, unfinished) = (shelf.named(&format!(".{number}")), shelf.named(UNFINISHED));
    let source = shelf.open(&plain, OFlags::RDONLY)?;
    let target = shelf.create(&unfinished, source.metadata()?.mode())?;
    let whole = squeeze(&source, target, urgent);
    if !matches!(whole, Ok(true)) {
        shelf.remove(&unfinished)?;
        return whole;
    }
    shelf.rename(&unfinished, &shelf.named(&format!(".{number}.gz")))?;
    shelf.remove(&plain)?;
    Ok(true)
}

fn squeeze(mut source: &File, target: File, urgent: &impl Fn() -> bool) -> io::Result<bool> {
    let mut encoder = GzEncoder::new(BufWriter::new(target), Compression::default());
    let mut buffer = vec![0; AT_ONCE];
    loop {
        if urgent() {
            return Ok(false);
        }
        let length = source.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        encoder.write_all(&buffer[..length])?;
    }
    encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(true)
}

/// The lowest priority for CPU and disk, for this thread alone (Linux: both are a thread's).
fn yield_to_everybody() {
    /// IOPRIO_CLASS_IDLE, ioprio_set(2).
    const IDLE: libc::c_int = 3 << 13;
    /// IOPRIO_WHO_PROCESS with 0: the calling thread.
    const THIS_THREAD: [libc::c_int; 2] = [1, 0];
    // SAFETY: plain system calls on the calling thread; refusal costs only politeness.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 19);
        libc::syscall(libc::SYS_ioprio_set, THIS_THREAD[0], THIS_THREAD[1], IDLE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use flate2::read::GzDecoder;

    use super::*;

    fn names(tree: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(tree).unwrap().map(|entry| entry.unwrap().file_name().display().to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn old_ones_are_compressed_and_the_newest_is_not() {
        let tree = tempfile::tempdir().unwrap();
        for number in 1..=3 {
            fs::write(tree.path().join(format!("l.{number}")), format!("line of {number}\n").repeat(10_000)).unwrap();
        }
        assert!(old(&tree.path().join("l"), 3, || false));
        assert_eq!(names(tree.path()), ["l.1", "l.2.gz", "l.3.gz"]);
        let mut text = String::new();
        GzDecoder::new(File::open(tree.path().join("l.3.gz")).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "line of 3\n".repeat(10_000));
        assert!(old(&tree.path().join("l"), 3, || false));
    }

    #[test]
    fn what_is_urgent_leaves_everything_as_it_was() {
        let tree = tempfile::tempdir().unwrap();
        fs::write(tree.path().join("l.2"), vec![b'x'; 10 * AT_ONCE]).unwrap();
        let left = std::sync::Mutex::new(Cell::new(3));
        let urgent = || {
            let left = left.lock().unwrap();
            left.set(left.get() - 1);
            left.get() == 0
        };
        assert!(!old(&tree.path().join("l"), 3, urgent));
        assert_eq!(names(tree.path()), ["l.2"]);
    }
}
