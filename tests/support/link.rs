//! A network of the test's own: what is multicast on it nobody else hears.
//!
//! It must never be set up around a thread that has something to do elsewhere: the thread, and all that it starts, stay in it.

use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};

/// This host's address on the link.
pub const HERE: [u8; 4] = [10, 77, 0, 1];

/// Does it in a network with a loopback and one link, on a thread of its own. Without the rights to make one nothing is done: that is said.
pub fn apart(work: impl FnOnce() + Send + 'static) {
    let alone = std::thread::Builder::new().name("apart".to_owned()).spawn(|| {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
            let required = std::env::var("BERTH_TEST_REQUIRE").unwrap_or_default();
            let is_required = required.split([',', ' ']).any(|part| part == "all" || part == "root");
            assert!(!is_required, "a network of its own is required: {error}");
            println!("skipped, no network of its own can be had: {error}");
            return;
        }
        ip("link set lo up");
        // Where there is no such device the loopback does it, too.
        let is_linked = try_ip("link add berth0 type veth peer name berth1");
        let device = if is_linked { "berth0" } else { "lo" };
        if is_linked {
            ip("link set berth0 up");
            ip("link set berth1 up");
        } else {
            ip("link set lo multicast on");
        }
        ip(&format!("addr add 10.77.0.1/24 dev {device}"));
        ip(&format!("route add default dev {device}"));
        work();
    });
    if let Err(panic) = alone.unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

fn ip(words: &str) {
    assert!(try_ip(words), "ip {words}");
}

fn try_ip(words: &str) -> bool {
    let run = Command::new("ip").args(words.split(' ')).stdin(Stdio::null()).stderr(Stdio::null()).status();
    run.is_ok_and(|status| status.success())
}
