//! Which commands can be asked of other hosts, and of how many at once.
//!
//! It must never let one be done here that was meant for elsewhere.

use super::args::{Arguments, Command};
use crate::error::{Error, Kind, Result};

/// Of how many hosts something can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Of this one only.
    Here,
    /// Of one, which may be another one.
    One,
    /// Of any number.
    Many,
}

fn reach(command: Option<&Command>) -> Reach {
    match command {
        // Every server is asked by who looks; a daemon looks for others and is not told to.
        Some(Command::Check(check)) if check.origin => Reach::Here,
        None | Some(Command::Ls(_) | Command::Check(_)) => Reach::Many,
        Some(
            Command::Show(_)
            | Command::Why(_)
            | Command::Start(_)
            | Command::Stop(_)
            | Command::Restart(_)
            | Command::Assign(_)
            | Command::Adopt(_)
            | Command::Add(_)
            | Command::Remove(_)
            | Command::Events(_)
            | Command::Port(_)
            | Command::Client(_)
            | Command::Logs(_)
            | Command::Ports(_),
        ) => Reach::One,
        Some(_) => Reach::Here,
    }
}

/// Refuses what cannot be asked of the hosts that are named.
///
/// # Errors
/// Of kind `Usage`, with what works instead.
pub fn check(arguments: &Arguments) -> Result<()> {
    let hosts = &arguments.global.host;
    let refused = |sentence: &str, hint: &str| Err(Error::new(Kind::Usage, sentence).hint(hint));
    match (hosts.len(), reach(arguments.command.as_ref())) {
        (0, _) | (_, Reach::Many) | (1, Reach::One) if !arguments.embedded || hosts.is_empty() => Ok(()),
        _ if arguments.embedded => {
            refused("--embedded looks at this host, --host at others: only one of them can be said", "berth --host ...")
        }
        (_, Reach::One) => refused("this is asked of one host: say --host once", "berth --host NAME ls    lists its instances"),
        _ if matches!(&arguments.command, Some(Command::Check(_))) => refused(
            "check --origin is not asked of other hosts",
            "ssh HOST berth check --origin    does it there; without --origin it is asked",
        ),
        _ => refused("this is not asked of other hosts", "ssh HOST berth ...    does it there; berth --host opens the console on it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn what_can_be_asked_of_whom() {
        let one = "--host ssh://web1";
        let two = "--host ssh://web1 --host ssh://web2";
        let cases = [
            ("", true, true),
            ("ls", true, true),
            ("ls --json", true, true),
            ("check", true, true),
            ("show alice", true, false),
            ("stop alice", true, false),
            ("restart alice bob", true, false),
            ("ports", true, false),
            ("logs alice", true, false),
            ("check --origin", false, false),
            ("events", true, false),
            ("events -f", true, false),
            ("add alice", true, false),
            ("remove alice", true, false),
            ("trust alice", false, false),
            ("serve", false, false),
            ("config", false, false),
            ("deploy nftables", false, false),
            ("--embedded", false, false),
        ];
        for (words, of_one, of_two) in cases {
            let may = |hosts: &str| {
                let line = format!("berth {hosts} {words}");
                check(&Arguments::try_parse_from(line.split_whitespace()).unwrap()).is_ok()
            };
            assert_eq!((may(""), may(one), may(two)), (true, of_one, of_two), "{words}");
        }
    }
}
