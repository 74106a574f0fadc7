//! One hearing: asks for the types, takes what is answered for so long, and closes its sockets again.
//!
//! It must never go on where more comes than anybody has to say: what the library keeps of it grows until it is closed.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use mdns_sd::{DaemonEvent, Error, Receiver, ServiceDaemon, ServiceEvent};
use nix::ifaddrs::getifaddrs;

use super::gathered::{Gathered, Resolved};
use crate::domain::{Announcements, Shown};

/// How often is looked whether something came.
const STEP: Duration = Duration::from_millis(20);

/// How many steps go by until it is asked how much the library keeps.
const WEIGH_EVERY: u32 = 2;

/// The most records that the library may keep.
const MOST_RECORDS: i64 = 4096;

/// The most events of one hearing.
const MOST_EVENTS: usize = 4096;

/// How long the library may take to close its sockets.
const CLOSING: Duration = Duration::from_secs(2);

/// The most types that are asked for.
pub const MOST_TYPES: usize = 16;

/// What was heard, and whether it was cut off.
pub struct Heard {
    /// What was heard.
    pub told: Announcements,
    /// More came than is taken.
    pub is_flood: bool,
}

/// Listens for so long.
pub fn hear(kinds: &[String], patience: Duration) -> Heard {
    let begun = Instant::now();
    let own = own_addresses();
    let failed = |error: &Error| Heard { told: Gathered::default().told(own.clone(), vec![cannot(&error.to_string())]), is_flood: false };
    let daemon = match ServiceDaemon::new() {
        Ok(daemon) => daemon,
        Err(error) => return failed(&error),
    };
    let mut hearing = Hearing { gathered: Gathered::default(), events: 0, is_flood: false, trouble: None };
    let monitor = daemon.monitor().ok();
    let browsing: Result<Vec<_>, _> = kinds.iter().take(MOST_TYPES).map(|kind| daemon.browse(kind)).collect();
    let browsing = match browsing {
        Ok(browsing) => browsing,
        Err(error) => {
            close(&daemon);
            return failed(&error);
        }
    };
    let mut steps = 0_u32;
    while begun.elapsed() < patience && !hearing.is_flood {
        for receiver in &browsing {
            hearing.take(receiver);
        }
        while let Some(Ok(event)) = monitor.as_ref().map(Receiver::try_recv) {
            if let DaemonEvent::Error(error) = event {
                hearing.trouble.get_or_insert_with(|| error.to_string());
            }
        }
        steps += 1;
        if steps.is_multiple_of(WEIGH_EVERY) && records(&daemon) > MOST_RECORDS {
            hearing.is_flood = true;
        }
        std::thread::sleep(STEP.min(patience.saturating_sub(begun.elapsed())));
    }
    close(&daemon);
    let mut notices = Vec::new();
    if hearing.is_flood {
        notices.push(Shown::from("more is announced by mDNS than can be true: the rest of it was not listened to"));
    }
    // One interface that cannot multicast is none of the reader's concern while others can.
    notices.extend(hearing.trouble.filter(|_| hearing.gathered.is_empty()).map(|trouble| cannot(&trouble)));
    Heard { told: hearing.gathered.told(own, notices), is_flood: hearing.is_flood }
}

/// That nothing could be heard.
pub fn cannot(why: &str) -> Shown {
    Shown::within(&format!("what is announced by mDNS cannot be heard: {why}"), 300)
}

struct Hearing {
    gathered: Gathered,
    events: usize,
    is_flood: bool,
    trouble: Option<String>,
}

impl Hearing {
    /// Takes what came.
    fn take(&mut self, receiver: &Receiver<ServiceEvent>) {
        while let Ok(event) = receiver.try_recv() {
            self.events += 1;
            match event {
                ServiceEvent::ServiceResolved(service) => {
                    let (kind, full_name) = (service.ty_domain.as_str(), service.fullname.as_str());
                    let resolved = Resolved { kind, full_name, host: &service.host, port: service.port };
                    let addresses = service.addresses.iter().map(mdns_sd::ScopedIp::to_ip_addr);
                    let texts = service.txt_properties.iter().map(|text| (text.key(), text.val()));
                    self.gathered.add(resolved, addresses, texts);
                }
                ServiceEvent::ServiceRemoved(_, full_name) => self.gathered.remove(&full_name),
                _ => {}
            }
            if self.events > MOST_EVENTS || self.gathered.is_full {
                self.is_flood = true;
                return;
            }
        }
        // The library gives up whom it cannot tell as fast as it hears.
        self.is_flood |= receiver.is_disconnected();
    }
}

/// How many records the library keeps; 0 where it does not say in time.
fn records(daemon: &ServiceDaemon) -> i64 {
    let Ok(answer) = daemon.get_metrics() else { return 0 };
    let Ok(metrics) = answer.recv_timeout(CLOSING) else { return 0 };
    metrics.iter().filter(|(name, _)| name.starts_with("cached-")).map(|(_, count)| *count).sum()
}

/// Closes its sockets, and waits for that.
fn close(daemon: &ServiceDaemon) {
    let begun = Instant::now();
    while begun.elapsed() < CLOSING {
        match daemon.shutdown() {
            Ok(closed) => {
                let _ = closed.recv_timeout(CLOSING);
                return;
            }
            Err(Error::Again) => std::thread::sleep(STEP),
            Err(_) => return,
        }
    }
}

/// The addresses of this host.
fn own_addresses() -> Vec<IpAddr> {
    let mut own: Vec<IpAddr> = getifaddrs()
        .into_iter()
        .flatten()
        .filter_map(|interface| {
            let address = interface.address?;
            let four = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
            four.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::from(address.ip())))
        })
        .collect();
    own.sort_unstable();
    own.dedup();
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_a_loopback_address() {
        assert!(own_addresses().iter().any(IpAddr::is_loopback) || own_addresses().is_empty());
    }
}
