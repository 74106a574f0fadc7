//! `[[host]]`: other hosts, and what they are called.
//!
//! It must never let an address through that could be more to ssh than an address.

use super::apply::{unknown_key, wrong_value};
use super::item::{Fault, Item};
use super::read::Wrong;
use crate::domain::{MOST_HOSTS, NamedHost, Whereabouts, check_host_name};

/// Reads every `[[host]]`.
pub(super) fn hosts(item: &Item, entries: &[Item]) -> Result<Vec<NamedHost>, Fault> {
    if entries.len() > MOST_HOSTS {
        return Err(Fault { place: item.key_place.clone(), message: format!("there are more than {MOST_HOSTS} [[host]]") });
    }
    let mut all: Vec<NamedHost> = Vec::new();
    for entry in entries {
        let host = one(entry)?;
        if let Some(other) = all.iter().find(|other| other.name == host.name || other.at == host.at) {
            let message = format!("[[host]] {} is {} already: each host has one name and one entry", host.at, other.name);
            return Err(Fault { place: entry.place.clone(), message });
        }
        all.push(host);
    }
    Ok(all)
}

fn one(item: &Item) -> Result<NamedHost, Fault> {
    const TITLE: &str = "[[host]]";
    const KEYS: [&str; 2] = ["name", "address"];
    let told = |key: &str, wrong: Wrong| wrong_value(&wrong, key, TITLE);
    let table = item.table().map_err(|wrong| told("host", wrong))?;
    let (mut name, mut at) = (None, None);
    for (key, value) in &table.entries {
        let read = match key.as_str() {
            "name" => value.read(|text| check_host_name(text).map(|()| text.to_owned())).map(|read| name = Some(read)),
            "address" => value.read(Whereabouts::parse).map(|read| at = Some(read)),
            _ => return Err(unknown_key(key, value, TITLE, &KEYS)),
        };
        read.map_err(|wrong| told(key, wrong))?;
    }
    match (name, at) {
        (Some(name), Some(at)) => Ok(NamedHost { name, at }),
        _ => Err(Fault { place: item.place.clone(), message: format!("{TITLE} needs a name and an address") }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::build::parts;
    use crate::config::item::parse;

    fn refused(text: &str) -> String {
        parts(&parse(text, None).unwrap()).err().map(|fault| fault.message).unwrap_or_default()
    }

    #[test]
    fn hosts_are_read_and_what_is_wrong_is_said() {
        let host = |name: &str, address: &str| format!("[[host]]\nname = \"{name}\"\naddress = \"{address}\"\n");
        assert_eq!(refused(&format!("{}{}", host("web1", "ssh://a@web1"), host("here", "local"))), "");
        for (text, part) in [
            (host("web1", "ssh://-oProxyCommand=x"), "begins with a dash"),
            (host("web1", "web1"), "is not ssh://"),
            (host("-x", "ssh://web1"), "begins with a dash"),
            (host("a b", "ssh://web1"), "something else than letters"),
            ("[[host]]\nname = \"web1\"".to_owned(), "needs a name and an address"),
            ("[[host]]\nadress = \"local\"".to_owned(), "did you mean \"address\""),
            ("[host]\nname = \"web1\"".to_owned(), "write [[host]]"),
            (host("web1", "local") + &host("web1", "ssh://web2"), "one name and one entry"),
            (host("web1", "ssh://web2") + &host("web2", "ssh://web2"), "one name and one entry"),
        ] {
            assert!(refused(&text).contains(part), "{text}: {}", refused(&text));
        }
    }
}
