//! amp, in which PM2's sockets talk: a byte with the version and the number of parts, then each part with its length before it. Pure.
//!
//! It must never keep more than it was told to: whoever sends may send without end.

use super::fault::Fault;

/// The only version there is.
const VERSION: u8 = 1;

/// The most parts that a message can have: four bits.
const MOST_PARTS: usize = 0xf;

/// A message of these parts; of more than 15 only the first.
pub fn encode(parts: &[&[u8]]) -> Vec<u8> {
    let parts = &parts[..parts.len().min(MOST_PARTS)];
    let mut message = Vec::with_capacity(1 + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
    message.push((VERSION << 4) | u8::try_from(parts.len()).unwrap_or_default());
    for part in parts {
        message.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        message.extend_from_slice(part);
    }
    message
}

/// What is kept of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All of it, which may be so many bytes; more is a fault.
    All(usize),
    /// Only so many first bytes of its first part: the rest is passed over.
    Beginning(usize),
}

/// Where in a message it is.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Before one.
    Meta,
    /// In the length of a part, of which so many bytes are read.
    Length([u8; 4], usize),
    /// In a part, of which so many bytes are still to come.
    Part(usize),
}

/// Makes messages of bytes as they come in.
#[derive(Debug)]
pub struct Decoder {
    keep: Keep,
    at: At,
    /// How many parts the message has beside those that are begun.
    left: usize,
    parts: Vec<Vec<u8>>,
    /// How many bytes of the message are kept.
    kept: usize,
}

impl Decoder {
    /// One at the beginning of a message.
    pub fn new(keep: Keep) -> Self {
        Self { keep, at: At::Meta, left: 0, parts: Vec::new(), kept: 0 }
    }

    /// Takes these bytes in, and hands out each message that they complete.
    ///
    /// # Errors
    /// When that is no amp, or a message is longer than it may be: nothing that follows means anything then.
    pub fn take(&mut self, mut bytes: &[u8], mut each: impl FnMut(Vec<Vec<u8>>)) -> Result<(), Fault> {
        while let [first, rest @ ..] = bytes {
            match self.at {
                At::Meta => {
                    (self.left, bytes) = (usize::from(first & 0xf), rest);
                    if first >> 4 != VERSION || self.left == 0 {
                        return Err(Fault::lost("what it sends is not understood"));
                    }
                    (self.kept, self.at) = (0, At::Length([0; 4], 0));
                }
                At::Length(mut length, read) => {
                    length[read] = *first;
                    bytes = rest;
                    self.at = if read < 3 { At::Length(length, read + 1) } else { self.begin(length)? };
                    self.end_if_done(&mut each);
                }
                At::Part(left) => {
                    let (now, after) = bytes.split_at(left.min(bytes.len()));
                    self.put(now);
                    (self.at, bytes) = (At::Part(left - now.len()), after);
                    self.end_if_done(&mut each);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, length: [u8; 4]) -> Result<At, Fault> {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if let Keep::All(most) = self.keep {
            self.kept = self.kept.saturating_add(length);
            if self.kept > most {
                return Err(Fault::lost("it sends more than it should"));
            }
        }
        self.left -= 1;
        // Room is made as bytes come: a length alone costs whoever sends it nothing.
        self.parts.push(Vec::new());
        Ok(At::Part(length))
    }

    fn put(&mut self, bytes: &[u8]) {
        let is_first = self.parts.len() == 1;
        let Some(part) = self.parts.last_mut() else { return };
        match self.keep {
            Keep::All(_) => part.extend_from_slice(bytes),
            Keep::Beginning(most) if is_first => part.extend_from_slice(&bytes[..bytes.len().min(most.saturating_sub(part.len()))]),
            Keep::Beginning(_) => {}
        }
    }

    fn end_if_done(&mut self, each: &mut impl FnMut(Vec<Vec<u8>>)) {
        if !matches!(self.at, At::Part(0)) {
            return;
        }
        if self.left > 0 {
            self.at = At::Length([0; 4], 0);
        } else {
            self.at = At::Meta;
            each(std::mem::take(&mut self.parts));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(keep: Keep, chunks: &[&[u8]]) -> Result<Vec<Vec<Vec<u8>>>, Fault> {
        let (mut decoder, mut messages) = (Decoder::new(keep), Vec::new());
        for chunk in chunks {
            decoder.take(chunk, |message| messages.push(message))?;
        }
        Ok(messages)
    }

    #[test]
    fn a_message_is_written_as_pm2_writes_it() {
        let message = encode(&[b"j:{}", b"s:0:1"]);
        assert_eq!(message, b"\x12\0\0\0\x04j:{}\0\0\0\x05s:0:1");
        assert_eq!(encode(&[&b"x"[..]; 20])[0], 0x1f);
    }

    #[test]
    fn what_is_no_amp_is_told_at_its_first_byte() {
        for bytes in [&b"\0"[..], b"\x10", b"\x22\0", b"HTTP/1.1 200 OK\r\n", b"\xff"] {
            assert!(decoded(Keep::All(100), &[bytes]).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn more_than_it_may_be_is_refused_before_it_has_come() {
        assert!(decoded(Keep::All(10), &[b"\x11\0\0\0\x0b"]).is_err());
        assert!(decoded(Keep::All(10), &[b"\x12\0\0\0\x06abcdef\0\0\0\x05"]).is_err());
        assert!(decoded(Keep::All(10), &[b"\x11\xff\xff\xff\xff"]).is_err());
        assert_eq!(decoded(Keep::All(10), &[b"\x12\0\0\0\x06abcdef\0\0\0\x04ghij"]).unwrap().len(), 1);
    }

    #[test]
    fn of_what_is_passed_over_only_the_beginning_of_the_first_part_is_kept() {
        let told = encode(&[b"process:event", &[b'x'; 100_000]]);
        let messages = decoded(Keep::Beginning(7), &[&told, &told]).unwrap();
        assert_eq!(messages, vec![vec![b"process".to_vec(), Vec::new()]; 2]);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_however_it_is_cut(
            messages in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..6),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut bytes = Vec::new();
            for message in &messages {
                bytes.extend(encode(&message.iter().map(Vec::as_slice).collect::<Vec<_>>()));
            }
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([0, bytes.len()]).collect();
            ends.sort_unstable();
            let chunks: Vec<&[u8]> = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decoded(Keep::All(1000), &chunks).unwrap(), messages);
        }

        #[test]
        fn any_bytes_are_survived_and_no_more_is_kept_than_was_allowed(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            for keep in [Keep::All(64), Keep::Beginning(16)] {
                let mut decoder = Decoder::new(keep);
                let mut most = 0;
                let _ = decoder.take(&bytes, |message| most = most.max(message.iter().map(Vec::len).sum::<usize>()));
                prop_assert!(most <= 64 && decoder.parts.iter().map(Vec::len).sum::<usize>() <= 64);
            }
        }
    }
}
