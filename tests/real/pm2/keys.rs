//! Apps in the console: listed, started, stopped and restarted by keys, and seen to end when somebody else kills them.
//!
//! It must never ask the screen whether the screen is right: pids are PM2's.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::host::PATIENCE;
use super::with_apps;
use crate::terminal::Terminal;

/// The line of an instance in the table.
fn line<'a>(text: &'a str, id: &str) -> Option<&'a str> {
    text.lines().find(|line| line.get(2..).is_some_and(|rest| rest.strip_prefix(id).is_some_and(|rest| rest.starts_with(' '))))
}

fn until_line(console: &Terminal, id: &str, what: &str, is_so: impl Fn(&str) -> bool) {
    let took = console.until(&format!("{id} {what}"), PATIENCE, |text| line(text, id).is_some_and(&is_so));
    println!("{id} {what}: {took:?}");
}

/// Presses a key on the chosen instance and says yes.
fn press(console: &mut Terminal, key: &str, question: &str) {
    console.keys(key);
    console.until(question, PATIENCE, |text| text.contains(question));
    console.keys("y");
    console.until("the question's end", PATIENCE, |text| !text.contains(question));
}

#[test]
fn apps_obey_keys_and_their_ends_are_seen() {
    let Some(host) = with_apps() else { return };
    let mut console = host.berth.console(200, 50);
    for owner in &host.owners {
        for app in ["f", "c"] {
            let id = host.id(owner, app);
            until_line(&console, &id, "runs", |line| line.contains("● running") && line.contains("pm2"));
            while !console.text().lines().any(|line| line.starts_with(&format!("> {id} "))) {
                console.keys("g");
                let place =
                    console.text().lines().filter(|line| line.contains("  pm2")).position(|line| line[2..].starts_with(&format!("{id} ")));
                console.keys(&"j".repeat(place.unwrap_or_default()));
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
            press(&mut console, "S", &format!("Stop {id}?"));
            until_line(&console, &id, "is stopped", |line| line.contains("○ stopped"));
            assert!(host.told(owner, app).iter().all(|(_, status)| status == "stopped"));
            press(&mut console, "s", &format!("Start {id}?"));
            until_line(&console, &id, "runs again", |line| line.contains("● running"));
            let before = host.told(owner, app)[0].0.to_string();
            until_line(&console, &id, "has its process", |line| line.contains(&format!(" {before} ")));
            press(&mut console, "r", &format!("Restart {id}?"));
            let is_another = |line: &str| line.contains("● running") && !line.contains(&format!(" {before} "));
            until_line(&console, &id, "is another", is_another);
        }
    }
    let owner = &host.owners[0];
    let id = host.id(owner, "f");
    let pid = host.told(owner, "f")[0].0;
    kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL).unwrap();
    until_line(&console, &id, "was started again", |line| line.contains("● running") && !line.contains(&format!(" {pid} ")));
    console.keys("q");
    assert_eq!(console.end(PATIENCE), 0);
}
