//! Units in the console: listed, started, stopped and restarted by keys, and seen to end when somebody else kills them.
//!
//! It must never ask the screen whether the screen is right: pids are systemd's.

use super::host::{Host, PATIENCE};
use super::with_units;
use crate::parts;
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
fn units_of_two_accounts_obey_keys_and_their_ends_are_seen() {
    let Some(()) = parts::systemd() else { return };
    let Some(everything) = parts::everything() else { return };
    let host = Host::boot(&everything);
    with_units(&host, everything.node.to_str().unwrap(), &["amy", "bob"]);
    host.put("/etc/systemd/system/mcp@amy.service.d/once.conf", "[Service]\nRestart=no");
    host.shell("systemctl daemon-reload");
    let main = |account: &str| host.shell(&format!("systemctl show -P MainPID mcp@{account}")).trim().to_owned();

    let mut console = host.console(200, 50);
    for (account, key) in [("amy", "g"), ("bob", "j")] {
        until_line(&console, account, "is stopped", |line| line.contains("○ stopped") && line.contains("systemd"));
        console.keys(key);
        console.until("the choice", PATIENCE, |text| text.lines().any(|line| line.starts_with(&format!("> {account} "))));
        press(&mut console, "s", &format!("Start {account}?"));
        let port = if account == "amy" { " 8101 " } else { " 8102 " };
        until_line(&console, account, "runs", |line| line.contains("● running") && line.contains(port));
        let pid = main(account);
        until_line(&console, account, "has its process", |line| line.contains(&format!(" {pid} ")) && line.contains(" 0  systemd"));
        // What it uses is the kernel's word, its log the journal's.
        let uses = |text: &str| text.contains(&format!("pid {pid}  node")) && is_used(text, "  cpu ") && is_used(text, "  memory ");
        console.until("what it uses", PATIENCE, uses);
        console.until("its log", PATIENCE, |text| text.to_lowercase().contains("listening on port"));
    }

    // bob is still the chosen one.
    let before = main("bob");
    press(&mut console, "r", "Restart bob?");
    until_line(&console, "bob", "is another", |line| line.contains("● running") && !line.contains(&format!(" {before} ")));
    until_line(&console, "bob", "has its process", |line| line.contains(&format!(" {} ", main("bob"))));

    // Nobody starts amy again, and systemd starts bob again.
    let (amy, bob) = (main("amy"), main("bob"));
    host.shell(&format!("kill -9 {amy} {bob}"));
    until_line(&console, "amy", "has crashed", |line| line.contains("✖ crashed") && !line.contains(&format!(" {amy} ")));
    until_line(&console, "bob", "was started again", |line| line.contains("● running") && line.contains(" 1  systemd"));
    until_line(&console, "bob", "has its process", |line| line.contains(&format!(" {} ", main("bob"))));

    press(&mut console, "S", "Stop bob?");
    until_line(&console, "bob", "is stopped", |line| line.contains("○ stopped"));
    assert_eq!(host.shell("systemctl show -P ActiveState mcp@bob").trim(), "inactive");
    console.keys("q");
    assert_eq!(console.end(PATIENCE), 0);
}

/// Whether a line of the detail has a number that is not nothing.
fn is_used(text: &str, name: &str) -> bool {
    let value = text.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| rest.split_whitespace().next());
    value.is_some_and(|value| value.parse::<f64>().is_ok())
}
