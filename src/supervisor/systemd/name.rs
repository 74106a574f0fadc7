//! Names of units: which are looked for, whose instance each is, and which object on the bus it is.
//!
//! It must never guess an owner: where a name does not say one, the account that the unit runs as owns it.

use crate::domain::{InstanceId, ManagedId};

/// What the name of every service ends in.
const SERVICE: &str = ".service";

/// `UNIT_NAME_MAX`, unit-name.h: with its end.
const LONGEST: usize = 256;

/// Below which every unit's object lies, org.freedesktop.systemd1(5).
const OBJECTS: &str = "/org/freedesktop/systemd1/unit/";

/// Whether a name fits a pattern in which each `*` stands for any text, none included.
pub fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(last)
}

/// What the names of berth's own keepers' units begin with.
const OWN: &str = "berth-instance-";

/// A service that can be an instance: not the template that instances are made from, and not a keeper, whose instance is known anyway.
pub fn is_instance(name: &str) -> bool {
    name.len() < LONGEST
        && name.strip_suffix(SERVICE).is_some_and(|stem| !stem.is_empty() && !stem.ends_with('@') && !stem.starts_with(OWN))
}

/// A text as a part of a unit's name: what is not harmless there stands as its code, systemd-escape(1). An `@` would begin an instance.
pub fn unit_part(text: &str) -> String {
    let mut part = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            part.push(char::from(byte));
        } else {
            part.push_str(&format!("\\x{byte:02x}"));
        }
    }
    part
}

/// The unit of a keeper: `berth-instance-amy.service`, `berth-instance-amy\x2btools.service`; with a number where that name is taken.
pub fn own_unit(stem: &str, number: u32) -> String {
    let mut name = OWN.to_owned() + &unit_part(stem.strip_suffix("+default").unwrap_or(stem));
    if number > 0 {
        // No instance is called so: its name has no colon.
        name.push_str(&format!(":{number}"));
    }
    name + SERVICE
}

/// Who a unit is an instance of. A template's instance is its `%i`'s; of a pattern with one `*` what that stands for owns it; any other
/// belongs to the account that it runs as, under the unit's own name.
///
/// # Errors
/// Why its name makes no id.
pub fn id_of(pattern: &str, name: &str) -> Result<ManagedId, String> {
    let stem = name.strip_suffix(SERVICE).unwrap_or(name);
    let owner = match stem.split_once('@') {
        Some((_, instance)) => Some(unescape(instance)),
        None => captured(pattern, name).map(unescape),
    };
    let told = |what: &str, fault: crate::domain::NameFault| format!("{what} is no name for an owner: {fault}");
    match owner {
        Some(owner) => InstanceId::of_owner(&owner).map(ManagedId::Named).map_err(|fault| told(&owner, fault)),
        None => {
            let own = unescape(stem);
            // Only to be told of a name that is none while the unit is at hand.
            InstanceId::new("x", &own).map_err(|fault| told(&own, fault))?;
            Ok(ManagedId::OfAccount(own))
        }
    }
}

/// The same of a unit in the manager of an account's own: nobody but that account owns it, and another name is what the instance is called.
///
/// # Errors
/// Why its name makes no id.
pub fn id_of_users(pattern: &str, name: &str, account: &str) -> Result<ManagedId, String> {
    Ok(match id_of(pattern, name)? {
        ManagedId::Named(id) if id.owner() != account => ManagedId::OfAccount(id.owner().to_owned()),
        id => id,
    })
}

/// What the only `*` of a pattern stands for; a `*` that spans the whole stem names no owner but a unit.
fn captured<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    let (first, last) = pattern.split_once('*')?;
    if last.contains('*') || first.is_empty() {
        return None;
    }
    name.strip_prefix(first)?.strip_suffix(last).filter(|owner| !owner.is_empty())
}

/// Undoes systemd-escape(1) of a name: `\x2d` is a dash. A `-`, which would be a `/`, stays: no owner's name has a slash.
fn unescape(text: &str) -> String {
    let mut plain = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let [first, rest @ ..] = left {
        let code = text_of(left, 4).and_then(|code| code.strip_prefix("\\x")).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) => {
                plain.push(byte);
                left = &left[4..];
            }
            None => {
                plain.push(*first);
                left = rest;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn text_of(bytes: &[u8], length: usize) -> Option<&str> {
    std::str::from_utf8(bytes.get(..length)?).ok()
}

/// The object of a unit, loaded or not: what is no letter or digit stands as `_` and its code, `sd_bus_path_encode`(3).
pub fn object_of(name: &str) -> String {
    let mut path = OBJECTS.to_owned();
    for (index, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (byte.is_ascii_digit() && index > 0) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("_{byte:02x}"));
        }
    }
    path
}

/// The unit of an object; `None` where it is none.
pub fn unit_of(object: &str) -> Option<String> {
    let mut left = object.strip_prefix(OBJECTS)?.as_bytes();
    let mut name = Vec::with_capacity(left.len());
    while let [first, rest @ ..] = left {
        if *first == b'_' {
            name.push(u8::from_str_radix(text_of(rest, 2)?, 16).ok()?);
            left = &rest[2..];
        } else {
            name.push(*first);
            left = rest;
        }
    }
    String::from_utf8(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_with_gaps() {
        for (pattern, name, fitting) in [
            ("mcp@*.service", "mcp@alice.service", true),
            ("mcp@*.service", "mcp@.service", true),
            ("mcp@*.service", "xmcp@alice.service", false),
            ("mcp@*.service", "mcp@alice.socket", false),
            ("*mcp*.service", "sdp-mcp-bob.service", true),
            ("*mcp*.service", "mcp.service", true),
            ("*mcp*.service", "ssh.service", false),
            ("mcp.service", "mcp.service", true),
            ("mcp.service", "mcp.services", false),
            ("a*ba", "aba", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, name), fitting, "{pattern} {name}");
        }
    }

    #[test]
    fn whose_a_unit_is_follows_from_its_name() {
        let id = |pattern: &str, name: &str| match id_of(pattern, name) {
            Ok(ManagedId::Named(id)) => id.to_string(),
            Ok(ManagedId::OfAccount(name)) => format!("(account)/{name}"),
            Err(reason) => reason,
        };
        assert_eq!(id("mcp@*.service", "mcp@alice.service"), "alice");
        assert_eq!(id("*mcp*.service", "mcp@alice.service"), "alice");
        assert_eq!(id("*mcp*.service", r"mcp@a\x2db.service"), "a-b");
        assert_eq!(id("mcp-*.service", "mcp-bob.service"), "bob");
        assert_eq!(id("*mcp*.service", "mcp-files.service"), "(account)/mcp-files");
        assert_eq!(id("*.service", "mcp.service"), "(account)/mcp");
        assert_eq!(id("mcp.service", "mcp.service"), "(account)/mcp");
        assert!(id("mcp@*.service", r"mcp@a\x20b.service").contains("is no name for an owner"));
        assert!(id("mcp@*.service", "mcp@a:b.service").contains("is no name for an owner"));
        assert_eq!(
            id_of_users("mcp@*.service", "mcp@alice.service", "alice"),
            Ok(ManagedId::Named(InstanceId::of_owner("alice").unwrap()))
        );
        assert_eq!(id_of_users("mcp@*.service", "mcp@alice.service", "bob"), Ok(ManagedId::OfAccount("alice".to_owned())));
        assert_eq!(id_of_users("*mcp*.service", "mcp-files.service", "bob"), Ok(ManagedId::OfAccount("mcp-files".to_owned())));
        assert!(id_of_users("mcp@*.service", "mcp@a:b.service", "bob").is_err() && !is_instance(&format!("{}.service", "x".repeat(300))));
        assert_eq!(own_unit("amy+default", 0), "berth-instance-amy.service");
        assert_eq!(own_unit("a@b+tools", 2), r"berth-instance-a\x40b\x2btools:2.service");
        assert!(!is_instance(&own_unit("mcp+default", 0)));
        assert!(is_instance("mcp@a.service") && !is_instance("mcp@.service") && !is_instance("mcp.socket") && !is_instance(".service"));
    }

    #[test]
    fn objects_are_named_as_systemd_names_them() {
        assert_eq!(object_of("mcp@alice.service"), "/org/freedesktop/systemd1/unit/mcp_40alice_2eservice");
        assert_eq!(object_of("0a.service"), "/org/freedesktop/systemd1/unit/_30a_2eservice");
        for name in ["mcp@alice.service", r"mcp@a\x2db.service", "0a1.service", "a_b.service"] {
            assert_eq!(unit_of(&object_of(name)).as_deref(), Some(name));
        }
        assert_eq!((unit_of("/org/freedesktop/systemd1"), unit_of("/org/freedesktop/systemd1/unit/a_zz")), (None, None));
    }
}
