//! How ports are given, and what the kernel gives away of them by itself.
//!
//! It must never give a port itself: that is the registry's.

use super::{InstanceId, PortRange, Uid};

/// By what an owner's port is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Formula {
    /// By nothing: it is looked up or written down.
    #[default]
    None,
    /// `first + uid % modulus`.
    Uid {
        /// Never 0.
        modulus: u16,
    },
    /// `first + sum of the name's characters % modulus`.
    NameHash {
        /// Never 0.
        modulus: u16,
    },
    /// `first + index * size`, the index being the owner's number among all.
    Block {
        /// How many ports each owner gets; never 0.
        size: u16,
    },
}

impl Formula {
    /// The owner's port; beyond 65535 when the formula leads there. `None` where it does not follow from the owner alone.
    pub fn port(self, first: u16, owner: &str, uid: Uid) -> Option<u32> {
        let rest = match self {
            Self::Uid { modulus } => uid.0 % u32::from(modulus.max(1)),
            // charCodeAt of each unit that JavaScript's split('') makes: UTF-16, a pair of surrogates being two.
            Self::NameHash { modulus } => {
                let sum: u64 = owner.encode_utf16().map(u64::from).sum();
                u32::try_from(sum % u64::from(modulus.max(1))).unwrap_or(0)
            }
            Self::Block { .. } | Self::None => return None,
        };
        Some(u32::from(first) + rest)
    }

    /// The formula in words, as the configuration's comment has it.
    pub fn words(self) -> String {
        match self {
            Self::None => String::new(),
            Self::Uid { modulus } => format!("first + uid % {modulus}"),
            Self::NameHash { modulus } => format!("first + sum of the name % {modulus}"),
            Self::Block { size } => format!("first + index * {size}"),
        }
    }
}

/// What rules of ports judge by, beside the range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortPlan {
    /// How ports are computed.
    pub formula: Formula,
    /// Ports that are never given to anybody.
    pub reserved: Vec<PortRange>,
    /// Those that the kernel gives to outgoing connections (net.ipv4.ip_local_port_range); `None` when it does not tell.
    pub ephemeral: Option<PortRange>,
    /// Those of them that it keeps free (net.ipv4.ip_local_reserved_ports).
    pub kept_free: Vec<PortRange>,
    /// The instances that are berth's own by where their configuration lies (`[layout] config`) and that ask for a port
    /// outside the range; ordered. What was found anywhere else was adopted and may have its own.
    pub asks_outside: Vec<InstanceId>,
}

impl PortPlan {
    /// Whether a port is never given.
    pub fn is_reserved(&self, port: u16) -> bool {
        self.reserved.iter().any(|range| range.contains(port))
    }
}

/// The parts of `whole` that none of `holes` covers, ascending.
pub fn uncovered(whole: PortRange, holes: &[PortRange]) -> Vec<PortRange> {
    let mut holes: Vec<PortRange> = holes.to_vec();
    holes.sort_unstable_by_key(|hole| (hole.first, hole.last));
    let (mut parts, mut next) = (Vec::new(), u32::from(whole.first));
    for hole in holes {
        if u32::from(hole.first) > next {
            let last = (u32::from(hole.first) - 1).min(u32::from(whole.last));
            parts.extend(part(next, last));
        }
        next = next.max(u32::from(hole.last) + 1);
    }
    parts.extend(part(next, u32::from(whole.last)));
    parts
}

fn part(first: u32, last: u32) -> Option<PortRange> {
    let (first, last) = (u16::try_from(first).ok()?, u16::try_from(last).ok()?);
    (first <= last).then_some(PortRange { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guides_formula_to_the_bit() {
        // getUserPort of the guide, run by Node on the same names.
        let cases = [("alice", 8590), ("bob", 8387), ("charlie", 8808), ("José", 8613), ("", 8080), ("用户", 8215), ("a😀b", 8464)];
        for (name, expected) in cases {
            assert_eq!(Formula::NameHash { modulus: 1000 }.port(8080, name, Uid(0)), Some(expected), "{name}");
        }
    }

    #[test]
    fn the_other_formulas() {
        assert_eq!(Formula::Uid { modulus: 1000 }.port(8080, "x", Uid(1001)), Some(8081));
        assert_eq!(Formula::Uid { modulus: 65_535 }.port(8080, "x", Uid(65_534)), Some(73_614));
        assert_eq!(Formula::Block { size: 10 }.port(8080, "x", Uid(1)), None);
        assert_eq!(Formula::None.port(8080, "x", Uid(1)), None);
    }

    #[test]
    fn what_is_left_of_a_range() {
        let range = |text: &str| PortRange::parse(text).unwrap();
        let cases: [(&str, &[&str], &[&str]); 8] = [
            ("10-20", &[], &["10-20"]),
            ("10-20", &["1-9", "21-30"], &["10-20"]),
            ("10-20", &["10-20"], &[]),
            ("10-20", &["1-65535"], &[]),
            ("10-20", &["12-13", "15"], &["10-11", "14-14", "16-20"]),
            ("10-20", &["15-30", "1-11"], &["12-14"]),
            ("10-20", &["11-18", "12-13"], &["10-10", "19-20"]),
            ("65534-65535", &["65535"], &["65534-65534"]),
        ];
        for (whole, holes, expected) in cases {
            let holes: Vec<PortRange> = holes.iter().map(|hole| range(hole)).collect();
            let left: Vec<String> = uncovered(range(whole), &holes).iter().map(ToString::to_string).collect();
            assert_eq!(left, expected, "{whole} {holes:?}");
        }
    }
}
