//! An address or a network of them, as a rule names whom it means.
//!
//! It must never widen what was written: a network with bits beyond its prefix is refused, not cut.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `10.1.0.0/16`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    /// Its first address.
    pub address: IpAddr,
    /// How many of its bits all have in common.
    pub prefix: u8,
}

impl Network {
    /// Reads `10.1.0.0/16`, `2001:db8::/32` or an address.
    ///
    /// # Errors
    /// What is wrong, to be read after the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "must be an address or a network, such as \"192.0.2.7\" or \"10.1.0.0/16\"";
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| EXAMPLE.to_owned())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => longest,
            Some(text) => {
                Some(text).filter(digits).and_then(|text| text.parse().ok()).filter(|prefix| *prefix <= longest).ok_or(EXAMPLE)?
            }
        };
        let first = first(address, prefix);
        if first != address {
            return Err(format!("has bits beyond its prefix: the network is \"{first}/{prefix}\""));
        }
        Ok(Self { address, prefix })
    }

    /// Whether an address of it is one of this host's loopback addresses.
    pub fn has_loopback(self) -> bool {
        match self.address {
            IpAddr::V4(address) => first(Ipv4Addr::LOCALHOST.into(), self.prefix.min(8)) == first(address.into(), self.prefix.min(8)),
            IpAddr::V6(_) => first(Ipv6Addr::LOCALHOST.into(), self.prefix) == self.address,
        }
    }
}

/// The first address of the network that an address lies in.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(32 - prefix).unwrap_or(0)).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(128 - prefix).unwrap_or(0)).into(),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix == longest { self.address.fmt(formatter) } else { write!(formatter, "{}/{}", self.address, self.prefix) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in ["192.0.2.7", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.3", "2001:db8::/32", "::/0", "::1"] {
            assert_eq!(Network::parse(text).map(|network| network.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Network::parse("10.1.2.3/32").map(|network| network.to_string()), Ok("10.1.2.3".to_owned()));
        for (text, why) in [
            ("", "must be"),
            ("10.1/16", "must be"),
            ("10.1.0.0/", "must be"),
            ("10.1.0.0/+8", "must be"),
            ("10.1.0.0/33", "must be"),
            ("::/129", "must be"),
            ("10.1.0.0/1000", "must be"),
            ("10.1.0.0/16 }", "must be"),
            ("fe80::1%eth0", "must be"),
            ("10.1.2.3/16", "has bits beyond its prefix: the network is \"10.1.0.0/16\""),
            ("2001:db8::1/32", "has bits beyond its prefix: the network is \"2001:db8::/32\""),
        ] {
            let told = Network::parse(text).unwrap_err();
            assert!(told.starts_with(why), "{text}: {told}");
        }
    }

    #[test]
    fn loopback_is_found_in_what_holds_it() {
        let cases = [
            ("127.0.0.1", true),
            ("127.4.0.0/16", true),
            ("0.0.0.0/0", true),
            ("126.0.0.0/7", true),
            ("128.0.0.0/1", false),
            ("10.0.0.0/8", false),
            ("::1", true),
            ("::/0", true),
            ("::2", false),
            ("2001:db8::/32", false),
        ];
        for (text, expected) in cases {
            assert_eq!(Network::parse(text).unwrap().has_loopback(), expected, "{text}");
        }
    }
}
