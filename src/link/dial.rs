//! Joins standard input and output to the daemon's socket: the other host's end of a console that comes by ssh.
//!
//! It must never look at what passes, hold more than a piece of it, nor speak to a listener that is neither root's nor the caller's own.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::remote::connect;
use crate::error::{Context, Error, Kind, Result};

/// How much is on its way in one direction.
const PIECE: usize = 64 * 1024;

/// What a pipe that can be written to takes without waiting: PIPE_BUF, pipe(7).
const AT_ONCE: usize = 4096;

/// Joins until the daemon has hung up, or nobody takes any more what it says.
///
/// # Errors
/// Of kind `Timeout` when there is no daemon; when the listener is a stranger.
pub fn join(socket: &Path) -> Result<()> {
    let stream = connect(socket).map_err(|error| match error.kind() {
        // Who asks from afar asks for no instance.
        Kind::NoSuchInstance => Error::new(Kind::Timeout, error.chain()).hint("berth serve"),
        _ => error,
    })?;
    pass(&stream, io::stdin().as_fd(), io::stdout().as_fd()).while_doing(|| "the connection to the daemon broke".to_owned())
}

/// What was read and not written yet.
#[derive(Default)]
struct Way {
    bytes: Vec<u8>,
    from: usize,
    over: bool,
}

impl Way {
    fn waits(&self) -> &[u8] {
        self.bytes.get(self.from..).unwrap_or_default()
    }

    fn takes(&self) -> bool {
        !self.over && self.waits().is_empty()
    }

    fn read(&mut self, source: BorrowedFd<'_>) -> io::Result<()> {
        self.bytes.resize(PIECE, 0);
        self.from = 0;
        let count = match rustix::io::read(source, &mut self.bytes[..]) {
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => {
                self.bytes.clear();
                return Ok(());
            }
            // Who hung up with something unread says this.
            Err(Errno::CONNRESET) => 0,
            Err(error) => return Err(error.into()),
        };
        self.over = count == 0;
        self.bytes.truncate(count);
        Ok(())
    }

    fn write(&mut self, target: BorrowedFd<'_>) -> io::Result<()> {
        let waits = self.waits();
        match rustix::io::write(target, waits.get(..AT_ONCE).unwrap_or(waits)) {
            Ok(count) => self.from += count,
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Passes on both ways. When nothing more comes in, that is told the daemon; when the daemon says nothing more, it is over.
fn pass(stream: &UnixStream, input: BorrowedFd<'_>, output: BorrowedFd<'_>) -> io::Result<()> {
    let (mut out, mut back) = (Way::default(), Way::default());
    let mut told = false;
    loop {
        if out.over && out.waits().is_empty() && !told {
            told = true;
            // Gone already, it need not be told.
            let _ = stream.shutdown(Shutdown::Write);
        }
        if back.over && back.waits().is_empty() {
            return Ok(());
        }
        let wanted = |is_wanted: bool, flag: PollFlags| if is_wanted { flag } else { PollFlags::empty() };
        let of_socket = wanted(back.takes(), PollFlags::IN) | wanted(!out.waits().is_empty(), PollFlags::OUT);
        let of_output = wanted(!back.waits().is_empty(), PollFlags::OUT);
        // What is not asked about is left out: an end that hung up would be told again and again.
        let mut all = vec![PollFd::from_borrowed_fd(output, of_output)];
        let (mut socket_at, mut input_at) = (None, None);
        if !of_socket.is_empty() {
            socket_at = Some(all.len());
            all.push(PollFd::new(stream, of_socket));
        }
        if out.takes() {
            input_at = Some(all.len());
            all.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
        }
        match poll(&mut all, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let came: Vec<PollFlags> = all.iter().map(PollFd::revents).collect();
        let has = |at: Option<usize>, flags: PollFlags| at.and_then(|at| came.get(at)).is_some_and(|came| came.intersects(flags));
        let output_at = Some(0);
        let ended = PollFlags::HUP | PollFlags::ERR;
        if has(output_at, ended) && !has(output_at, PollFlags::OUT) {
            // Nobody takes what the daemon says.
            return Ok(());
        }
        if has(input_at, PollFlags::IN | ended) {
            out.read(input)?;
        }
        if has(socket_at, PollFlags::IN | ended) && back.takes() {
            back.read(stream.as_fd())?;
        }
        if has(socket_at, PollFlags::OUT) && !out.waits().is_empty() && out.write(stream.as_fd()).is_err() {
            // The daemon has hung up; what it said before is still to be told.
            (out.bytes, out.over) = (Vec::new(), true);
        }
        if has(output_at, PollFlags::OUT) && !back.waits().is_empty() && back.write(output).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn both_ways_whole_and_the_end_of_one_is_told() {
        let (daemon, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (asked, mut asks) = io::pipe().unwrap();
        let (mut hears, heard) = io::pipe().unwrap();
        let passing = std::thread::spawn(move || pass(&ours, asked.as_fd(), heard.as_fd()).map_err(|error| error.to_string()));
        let question = vec![b'q'; 300_000];
        let answer = vec![b'a'; 500_000];
        let expected = (question.clone(), answer.clone());
        let serving = std::thread::spawn(move || {
            let (mut daemon, mut all) = (daemon, Vec::new());
            // Ends only because the end is told.
            daemon.read_to_end(&mut all).unwrap();
            daemon.write_all(&answer).unwrap();
            all
        });
        asks.write_all(&question).unwrap();
        drop(asks);
        let mut all = Vec::new();
        hears.read_to_end(&mut all).unwrap();
        assert_eq!((serving.join().unwrap(), all), expected);
        assert_eq!(passing.join().unwrap(), Ok(()));
    }

    #[test]
    fn it_ends_with_either_side() {
        let (daemon, ours) = UnixStream::pair().unwrap();
        let (asked, asks) = io::pipe().unwrap();
        let (hears, heard) = io::pipe().unwrap();
        drop(daemon);
        pass(&ours, asked.as_fd(), heard.as_fd()).unwrap();
        drop(hears);
        let (_daemon, ours) = UnixStream::pair().unwrap();
        pass(&ours, asked.as_fd(), heard.as_fd()).unwrap();
        drop(asks);
    }

    #[test]
    fn without_a_daemon_it_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let error = join(&directory.path().join("berth.sock")).unwrap_err();
        assert_eq!(error.kind(), Kind::Timeout);
        assert!(error.chain().starts_with("no daemon answers at "), "{}", error.chain());
    }
}
