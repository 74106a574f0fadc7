//! The certificate that a server showed, and the one that it is known by.
//!
//! It must never say that a certificate is good: nobody's signature on it is checked, only that it is the same one as before.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a certificate is told by: the SHA-256 of its DER.
///
/// Not of its key alone: who renews a certificate with the old key is asked once more, and sees with `openssl x509 -fingerprint` what berth saw.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a SHA-256.
    pub fn new(sum: [u8; 32]) -> Self {
        Self(sum)
    }

    /// Stands for any, where only the kind of an order counts.
    pub const ANY: Self = Self([0; 32]);

    /// Sixty-four digits of base 16, small or capital; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut sum = [0; 32];
        for (byte, pair) in sum.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(sum))
    }

    /// Its first eight bytes as people compare them: `3F:9A:…`.
    pub fn short(self) -> String {
        let pairs: Vec<String> = self.0.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
        format!("{}…", pairs.join(":"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}

/// The certificate that an instance is known by at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Which.
    pub print: Fingerprint,
    /// Since when.
    pub since: Timestamp,
}

/// The certificate that a server showed last, beside the one that it is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The port at which it was shown.
    pub port: u16,
    /// Which.
    pub print: Fingerprint,
    /// Until when it holds; `None` where that could not be read in it.
    pub ends: Option<Timestamp>,
    /// The one that it is known by; `None` where none may be kept.
    pub pin: Option<Pin>,
}

impl Certificate {
    /// The one that it is known by, where that is another one.
    pub fn instead_of(&self) -> Option<Pin> {
        self.pin.filter(|pin| pin.print != self.print)
    }

    /// Whether it is the one that it is known by: only then is a key sent.
    pub fn is_known(&self) -> bool {
        self.pin.is_some_and(|pin| pin.print == self.print)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written() {
        let print = Fingerprint::new(std::array::from_fn(|index| u8::try_from(index * 8).unwrap()));
        assert_eq!(Fingerprint::parse(&print.to_string()), Some(print));
        assert_eq!(Fingerprint::parse(&print.to_string().to_uppercase()), Some(print));
        assert_eq!(print.short(), "00:08:10:18:20:28:30:38…");
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32), &"0".repeat(65)] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_same_one_is_known() {
        let (one, other) = (Fingerprint::new([1; 32]), Fingerprint::new([2; 32]));
        let pin = |print| Some(Pin { print, since: Timestamp::UNIX_EPOCH });
        let shown = |pin| Certificate { port: 1, print: one, ends: None, pin };
        assert!(shown(pin(one)).is_known() && shown(pin(one)).instead_of().is_none());
        assert!(!shown(pin(other)).is_known() && shown(pin(other)).instead_of() == pin(other));
        assert!(!shown(None).is_known() && shown(None).instead_of().is_none());
    }
}
