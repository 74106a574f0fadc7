//! The older files of a log: `PATH.1`, `PATH.2.gz` and so on, as logrotate and berth name them.
//!
//! It must never read one whole into memory, nor believe a compressed file about how large it becomes.

use std::fs::File;
use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::{Opener, Place};

/// How far back it is looked. logrotate's usual is 4 to 14.
pub(super) const MOST: u32 = 32;

/// The most that one compressed file may become, in bytes: what is packed a thousand times tighter was made to hurt.
const MOST_UNPACKED: u64 = 4 * 1024 * 1024 * 1024;

/// One older file.
#[derive(Debug)]
pub(super) enum Older {
    /// As it was written.
    Plain(File),
    /// Compressed with gzip: it can be read from its beginning only.
    Packed(File),
}

impl Older {
    /// The file as it lies there.
    pub fn file(&self) -> &File {
        match self {
            Self::Plain(file) | Self::Packed(file) => file,
        }
    }

    /// What was written to it, from one place to another. What is compressed has none but its beginning.
    ///
    /// # Errors
    /// What dup(2) says.
    pub fn reader(&self, from: u64, to: Option<u64>) -> io::Result<Box<dyn Read + Send>> {
        let file = self.file().try_clone()?;
        Ok(match self {
            Self::Plain(_) => Box::new(FromPlace { file, offset: from }.take(to.unwrap_or(u64::MAX).saturating_sub(from))),
            Self::Packed(_) => Box::new(MultiGzDecoder::new(BufReader::new(FromPlace { file, offset: 0 })).take(MOST_UNPACKED)),
        })
    }
}

/// Reads by position: the descriptor's own offset is shared with whoever else holds it.
struct FromPlace {
    file: File,
    offset: u64,
}

impl Read for FromPlace {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = std::os::unix::fs::FileExt::read_at(&self.file, buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// The file that is `number` rotations old; `None` where there is none that may be read.
pub(super) fn older(opener: &dyn Opener, number: u32) -> Option<Older> {
    match opener.beside(&format!(".{number}")) {
        Ok(file) => Some(Older::Plain(file)),
        Err(_) => opener.beside(&format!(".{number}.gz")).ok().map(Older::Packed),
    }
}

/// All of them, the youngest first. A rotation under way leaves one name empty for a moment: two in a row are the end.
pub(super) fn all(opener: &dyn Opener) -> impl Iterator<Item = Older> + '_ {
    let (mut number, mut missed) = (0, 0);
    std::iter::from_fn(move || {
        while number < MOST && missed < 2 {
            number += 1;
            match older(opener, number) {
                Some(found) => {
                    missed = 0;
                    return Some(found);
                }
                None => missed += 1,
            }
        }
        None
    })
}

/// The files that came between one that was followed and the one at the path now, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// Them.
    pub files: Vec<File>,
    /// There may have been more of them.
    pub has_gaps: bool,
}

/// Looks for the files between `old` and `new` after a rename.
///
/// Files move upwards while this goes upwards: one may be met twice, none is missed. `None` when `new` is not at the path any more: it
/// is to be looked again.
pub(super) fn between(opener: &dyn Opener, old: &File, new: Place) -> io::Result<Option<Between>> {
    use std::os::unix::fs::MetadataExt;
    let old_metadata = old.metadata()?;
    let old_place = Place::of(&old_metadata);
    let mut is_complete = false;
    let mut met: Vec<(Place, File, (i64, i64))> = Vec::new();
    for older in all(opener) {
        let (file, is_packed) = match older {
            Older::Plain(file) => (file, false),
            Older::Packed(file) => (file, true),
        };
        let metadata = file.metadata()?;
        if is_packed {
            // gzip gives the packed file the times of the one that it removes: this is the old one.
            is_complete = old_metadata.nlink() == 0 && metadata.mtime() == old_metadata.mtime();
            break;
        }
        let place = Place::of(&metadata);
        if place == old_place {
            // It was renamed meanwhile: some of these are younger than it.
            if opener.place()? != new {
                return Ok(None);
            }
            return Ok(Some(Between { files: met.into_iter().rev().map(|(_, file, _)| file).collect(), has_gaps: false }));
        }
        if place != new && !met.iter().any(|(other, ..)| *other == place) {
            met.push((place, file, (metadata.mtime(), metadata.mtime_nsec())));
        }
    }
    // It was renamed meanwhile: some of these are younger than it.
    if opener.place()? != new {
        return Ok(None);
    }
    // What was written to later than it came after it.
    let ended = (old_metadata.mtime(), old_metadata.mtime_nsec());
    let files: Vec<File> = met.into_iter().rev().filter(|(_, _, written)| *written > ended).map(|(_, file, _)| file).collect();
    // It lies under a name that has no number, as those with dates: nobody knows which others do, and none is taken to.
    let is_elsewhere = old_metadata.nlink() > 0 && files.is_empty();
    Ok(Some(Between { has_gaps: !is_complete && !is_elsewhere, files }))
}

/// A copy of a log that was emptied afterwards.
#[derive(Debug)]
pub(super) struct Copy {
    /// It.
    pub file: File,
    /// When it was written last.
    pub written: (i64, i64),
}

/// Looks for the copies of the file at `place` that were written since `seen`, its last change that is known; the youngest first. None
/// when it was renamed itself.
///
/// # Errors
/// What fstat(2) says.
pub(super) fn copies(opener: &dyn Opener, place: Place, seen: (i64, i64)) -> io::Result<Vec<Copy>> {
    use std::os::unix::fs::MetadataExt;
    let (mut copies, mut met) = (Vec::new(), Vec::new());
    for older in all(opener) {
        let Older::Plain(file) = older else { break };
        let metadata = file.metadata()?;
        if Place::of(&metadata) == place {
            return Ok(Vec::new());
        }
        let written = (metadata.mtime(), metadata.mtime_nsec());
        // One from before the last look.
        if written < seen {
            break;
        }
        // Files move upwards meanwhile: one may be met twice.
        if !met.contains(&Place::of(&metadata)) {
            met.push(Place::of(&metadata));
            copies.push(Copy { file, written });
        }
    }
    Ok(copies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::path::{Path, PathBuf};

    struct Plain(PathBuf);

    impl Opener for Plain {
        fn open(&self) -> io::Result<File> {
            File::open(&self.0)
        }
        fn beside(&self, suffix: &str) -> io::Result<File> {
            File::open(format!("{}{suffix}", self.0.display()))
        }
    }

    fn text(older: &Older) -> String {
        let mut text = String::new();
        older.reader(0, None).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn pack(path: &Path, texts: &[&str]) {
        let mut bytes = Vec::new();
        for text in texts {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).unwrap();
            bytes.extend(packer.finish().unwrap());
        }
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn plain_and_packed_files_are_found_in_their_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let beside = |suffix: &str| directory.path().join(format!("log{suffix}"));
        fs::write(beside(".1"), "one").unwrap();
        pack(&beside(".2.gz"), &["tw", "o"]);
        // The third one is just being renamed.
        pack(&beside(".4.gz"), &["four"]);
        fs::write(beside(".9"), "not reached").unwrap();
        let opener = Plain(path);
        assert_eq!(all(&opener).map(|older| text(&older)).collect::<Vec<_>>(), ["one", "two", "four"]);
        let first = older(&opener, 1).unwrap();
        assert_eq!((text(&first), text(&first)), ("one".to_owned(), "one".to_owned()));
    }

    #[test]
    fn what_came_between_is_found_by_the_old_ones_place() {
        let directory = tempfile::tempdir().unwrap();
        let opener = Plain(directory.path().join("log"));
        let beside = |suffix: &str| directory.path().join(format!("log{suffix}"));
        for (suffix, text) in [("", "new"), (".1", "b"), (".2", "a"), (".3", "old"), (".4", "older")] {
            fs::write(beside(suffix), text).unwrap();
        }
        // The files of a log are written in their order.
        File::options().write(true).open(beside(".4")).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        let new = Place::of(&fs::metadata(beside("")).unwrap());
        let old = File::open(beside(".3")).unwrap();
        let found = between(&opener, &old, new).unwrap().unwrap();
        let texts = |found: Between| found.files.into_iter().map(|file| text(&Older::Plain(file))).collect::<Vec<_>>();
        assert!(!found.has_gaps);
        assert_eq!(texts(found), ["a", "b"]);
        // Compressed already: known by its time.
        pack(&beside(".3.gz"), &["old"]);
        let written = old.metadata().unwrap().modified().unwrap();
        File::options().write(true).open(beside(".3.gz")).unwrap().set_modified(written).unwrap();
        fs::hard_link(beside(".3"), beside("-20261121")).unwrap();
        fs::remove_file(beside(".3")).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
        for suffix in [".1", ".2"] {
            File::options().write(true).open(beside(suffix)).unwrap().set_modified(later).unwrap();
        }
        // Under another name, and numbered ones beside it that are younger: there may be more.
        let found = between(&opener, &old, new).unwrap().unwrap();
        assert!(found.has_gaps);
        assert_eq!(texts(found), ["a", "b"]);
        fs::remove_file(beside("-20261121")).unwrap();
        let found = between(&opener, &old, new).unwrap().unwrap();
        assert!(!found.has_gaps);
        assert_eq!(texts(found), ["a", "b"]);
        // Gone: what is younger came later, and perhaps not all of it is there.
        fs::remove_file(beside(".3.gz")).unwrap();
        let found = between(&opener, &old, new).unwrap().unwrap();
        assert!(found.has_gaps);
        assert_eq!(texts(found), ["a", "b"]);
    }
}
