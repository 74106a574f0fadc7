//! The last few hearings as one: an answer that was lost on its way once is no end. Pure.
//!
//! It must never keep what was not heard for so many hearings, nor more services than one hearing may bring.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::domain::{Announced, Announcements, MOST_SERVICES};

/// How many hearings a service may miss, and one more.
const KEPT: usize = 3;

/// By type, name, host and port, as in one hearing.
type Key = (String, String, String, u16);

/// What was heard lately, the newest last.
#[derive(Debug, Default)]
pub struct Hearings(VecDeque<BTreeMap<Key, Arc<Announced>>>);

impl Hearings {
    /// What is to be told after a hearing: the newest word of each that was heard in one of the last. One that brought nothing because it could
    /// not be held (`is_deaf`) is none.
    pub fn add(&mut self, heard: Announcements, is_deaf: bool) -> Announcements {
        if !is_deaf {
            let services = heard.services.unwrap_or_default();
            self.0.push_back(services.into_iter().map(|service| (key(&service), service)).collect());
            while self.0.len() > KEPT {
                self.0.pop_front();
            }
        }
        let mut all: BTreeMap<&Key, &Arc<Announced>> = BTreeMap::new();
        for (key, service) in self.0.iter().rev().flatten() {
            // Who was heard last has the room.
            if all.len() < MOST_SERVICES {
                all.entry(key).or_insert(service);
            }
        }
        Announcements { services: Some(all.into_values().cloned().collect()), own: heard.own, notices: heard.notices }
    }
}

fn key(service: &Announced) -> Key {
    let lower = |text: &crate::domain::Shown| text.as_str().to_lowercase();
    (lower(&service.kind), lower(&service.name), lower(&service.host), service.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Shown;

    fn service(name: &str, address: u8) -> Arc<Announced> {
        Arc::new(Announced {
            name: Shown::new(name),
            kind: "_mcp._tcp.local.".into(),
            host: "a.local.".into(),
            addresses: vec![[192, 0, 2, address].into()],
            port: 1,
            texts: Vec::new(),
            says_more: false,
        })
    }

    fn heard(services: Vec<Arc<Announced>>) -> Announcements {
        Announcements { services: Some(services), own: Vec::new(), notices: Vec::new() }
    }

    fn told(announcements: &Announcements) -> Vec<(String, u8)> {
        let last = |service: &Announced| match service.addresses[0] {
            std::net::IpAddr::V4(address) => address.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        };
        announcements.services.as_ref().unwrap().iter().map(|service| (service.name.to_string(), last(service))).collect()
    }

    #[test]
    fn who_was_not_heard_once_or_twice_is_there_still() {
        let mut hearings = Hearings::default();
        let both = || vec![service("one", 1), service("two", 1)];
        assert_eq!(told(&hearings.add(heard(both()), false)).len(), 2);
        // The newest word of it counts, and in whatever case it is said.
        assert_eq!(told(&hearings.add(heard(vec![service("ONE", 2)]), false)), [("ONE".to_owned(), 2), ("two".to_owned(), 1)]);
        assert_eq!(told(&hearings.add(heard(vec![service("ONE", 3)]), false)).len(), 2);
        // What could not be heard says nothing of who is there, but why.
        let deaf = Announcements { notices: vec!["no network".into()], ..heard(Vec::new()) };
        let all = hearings.add(deaf, true);
        assert_eq!((told(&all).len(), all.notices.len()), (2, 1));
        assert_eq!(told(&hearings.add(heard(vec![service("ONE", 4)]), false)), [("ONE".to_owned(), 4)]);
    }

    #[test]
    fn no_number_of_names_grows_over_hearings() {
        let mut hearings = Hearings::default();
        let round = |number: usize| (0..MOST_SERVICES).map(|one| service(&format!("{number:02}-{one:05}"), 1)).collect();
        for number in 0..4 {
            hearings.add(heard(round(number)), false);
        }
        let all = hearings.add(heard(vec![service("zz", 1)]), false);
        let names = told(&all);
        assert_eq!((names.len(), hearings.0.len()), (MOST_SERVICES, KEPT));
        assert!(names.iter().any(|(name, _)| name == "zz"), "the newest is among them");
    }
}
