//! The command line: one file a subcommand, each of them words in, text or one JSON document out, and an exit code.
//!
//! It must never reach the rest of berth but through [`door`], and never print a text from outside that is not `Shown`.

mod action;
mod add;
mod add_from;
mod adopt;
mod args;
mod ask;
mod assign;
mod attached;
mod batch;
mod check;
mod client;
mod completions;
mod config;
mod demo;
mod deploy;
mod discover;
pub mod door;
mod elsewhere;
mod errors;
mod events;
mod follow;
mod hidden;
mod logs;
mod ls;
mod man;
mod merge;
mod output;
mod plan;
mod port;
mod ports;
mod progress;
mod remove;
mod reserve;
mod results;
mod rolling;
mod select;
mod serve;
mod show;
mod since;
mod trust;
mod watch;
mod why;

#[cfg(test)]
mod fake;

use std::ffi::OsString;

use clap::Parser;

use crate::domain::Verb;
use crate::present::command::Program;
use args::{Arguments, ColorWhen, Command};
pub use attached::{AttachedDesk, hosts_of};
pub use door::{Attach, ConsoleOptions, Desk, Opening, Setting, Wiring};
use errors::Stop;
pub use errors::tame_panics;
use output::Out;

pub use hidden::run_hidden;

/// Runs the command line, its first word being the program's name, and returns the exit code of DESIGN section 5.
pub fn run(arguments: Vec<OsString>, wiring: &dyn Wiring) -> u8 {
    // A shell asks what could come next: the words are in its own order, and nothing else is done.
    if let Some(code) = completions::answer(&arguments, wiring) {
        return code;
    }
    // Words that cannot be read as a whole may still say how the answer is wanted.
    let json = arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Help and version are asked for and go to standard output with 0; what is wrong goes to standard error with 2.
        Err(error) if error.exit_code() == 0 => {
            let _ = error.print();
            return 0;
        }
        Err(error) => {
            let rendered = error.render().to_string();
            errors::tell_words(&rendered);
            if json {
                let mut out = Out::standard(ColorWhen::Never);
                let _ = out.json(&errors::document(&errors::of_words(&rendered), &Program::default())).and_then(|()| out.flush());
            }
            return 2;
        }
    };
    let mut out = Out::standard(arguments.global.color).about(arguments.global.config.as_deref());
    if let [host] = arguments.global.host.as_slice() {
        // What is named to be done is to be done where this was asked.
        out.reach(host);
    }
    let result = carry_out(&arguments, wiring, &mut out);
    end(result, json, &mut out)
}

/// The exit code, when all is written that there is to write.
fn end(result: Result<u8, Stop>, json: bool, out: &mut Out) -> u8 {
    let stop = match result.and_then(|code| errors::unless_closed(out.flush()).map(|()| code)) {
        Ok(code) => return code,
        Err(stop) => stop,
    };
    if json && let Stop::Error(error) = &stop {
        let document = errors::document(error, out.program());
        let _ = out.json(&document);
    }
    // What was printed before the error stands before it; where that fails, the error is still told.
    let _ = out.flush();
    stop.tell_to(out.program())
}

fn carry_out(arguments: &Arguments, wiring: &dyn Wiring, out: &mut Out) -> Result<u8, Stop> {
    let global = &arguments.global;
    elsewhere::check(arguments)?;
    let open = || wiring.open(&opening(arguments)).map_err(Stop::from);
    // Left to the end of the process, which is near: to let go of a thousand rows and descriptors one by one takes longer than judging them.
    let look = || Ok::<&'static dyn Desk, Stop>(Box::leak(open()?));
    match &arguments.command {
        None => Ok(wiring.console(open()?.as_ref(), out.console_options(global)).map(|()| 0)?),
        Some(Command::Ls(ls)) => ls::run(ls, global, look()?, out),
        Some(Command::Show(show)) => show::run(show, global, look()?, out),
        Some(Command::Why(words)) => why::run(words, global, look()?, out),
        Some(Command::Start(action)) => action::run(Verb::Start, action, action.pace(), global, open, out),
        Some(Command::Stop(action)) => action::run(Verb::Stop, action, action.pace(), global, open, out),
        Some(Command::Restart(words)) => action::run(Verb::Restart, &words.action, words.pace(), global, open, out),
        Some(Command::Add(words)) => add::run(words, global, open, out),
        Some(Command::Adopt(words)) => adopt::run(words, global, open, out),
        Some(Command::Remove(words)) => remove::run(words, global, open, out),
        Some(Command::Assign(words)) => assign::run(words, global, open, out),
        Some(Command::Trust(words)) => trust::run(words, global, open, out),
        Some(Command::Logs(logs)) => logs::run(logs, global, look()?, out),
        Some(Command::Ports(ports)) => match (ports.plan, ports.reserving()) {
            (Some(strategy), _) => plan::run(strategy, global, look()?, out),
            (None, Some(port)) => reserve::run(port, ports, global, look()?, out),
            (None, None) => ports::run(ports, global, look()?, out),
        },
        Some(Command::Events(words)) => events::run(words, global, look()?, out),
        Some(Command::Port(port)) => port::run(port, global, look()?, out),
        Some(Command::Client(words)) => client::run(words, global, look()?, out),
        Some(Command::Deploy(words)) => deploy::run(words, global, look()?, out),
        Some(Command::Discover(words)) => discover::run(words, global, look()?, out),
        Some(Command::Check(words)) => check::run(*words, global, look()?, out),
        Some(Command::Serve(words)) => serve::run(words, global, wiring, out),
        Some(Command::DialStdio) => Ok(wiring.dial(&opening(arguments)).map(|()| 0)?),
        Some(Command::Config(words)) => config::run(words, global, wiring, out),
        Some(Command::Demo(demo)) => demo::run(demo, global, wiring, out),
        Some(Command::Completions(words)) => completions::run(words, out),
        Some(Command::Man(man)) => man::run(man, out),
    }
}

fn opening(arguments: &Arguments) -> Opening {
    let stays = match &arguments.command {
        None => true,
        Some(Command::Ls(ls)) => ls.watch,
        Some(Command::Logs(logs)) => logs.follow,
        Some(_) => false,
    };
    let global = &arguments.global;
    let attach = match &arguments.command {
        Some(command) if command.acts() => Attach::ToAct,
        Some(_) => Attach::Never,
        None if arguments.embedded => Attach::Beside,
        None => Attach::Where,
    };
    Opening { config: global.config.clone(), alone: false, read_only: global.read_only, attach, stays, hosts: global.host.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fake::FakeWiring;

    fn code(line: &str, wiring: &FakeWiring) -> u8 {
        run(std::iter::once("berth").chain(line.split_whitespace()).map(OsString::from).collect(), wiring)
    }

    #[test]
    fn without_a_command_the_console_opens() {
        let wiring = FakeWiring::default();
        assert_eq!(code("--read-only --color never --config /x", &wiring), 0);
        let console = wiring.consoles.lock().unwrap()[0].clone();
        assert_eq!((console.read_only, console.color), (true, Some(false)));
        let opened = wiring.opened.lock().unwrap()[0].clone();
        let attach = Attach::Where;
        assert_eq!(opened, Opening { config: Some("/x".into()), alone: false, read_only: true, attach, stays: true, hosts: Vec::new() });
        assert_eq!(code("--embedded", &wiring), 0);
        assert_eq!(wiring.opened.lock().unwrap().last().unwrap().attach, Attach::Beside);
    }

    #[test]
    fn with_json_an_error_is_a_document_too() {
        let error = || Stop::from(crate::error::Error::failed("cannot look").hint("berth config"));
        let (mut out, text) = fake::written();
        assert_eq!(end(Err(error()), true, &mut out), 1);
        assert_eq!(text(), "{\"schema\":1,\"error\":{\"message\":\"cannot look\",\"hint\":\"berth config\",\"exit_code\":1}}\n");
        let (mut out, text) = fake::written();
        assert_eq!((end(Err(error()), false, &mut out), text()), (1, String::new()));
    }

    #[test]
    fn a_reader_that_has_gone_changes_no_exit_code() {
        let ended = |result| end(result, true, &mut fake::closed());
        assert_eq!((ended(Ok(5)), ended(Ok(0)), ended(Err(Stop::PipeClosed))), (5, 0, 0));
    }

    #[test]
    fn exit_codes_are_the_contract() {
        let cases = [
            ("ls", 0),
            ("ls --json", 0),
            ("show alice", 0),
            ("show nobody", 4),
            ("why carol", 1),
            ("why --json carol", 1),
            ("why nobody", 4),
            ("check", 1),
            ("check --sarif", 1),
            ("check --sarif --json", 2),
            ("check --origin", 1),
            ("config", 0),
            ("config --config /x", 2),
            ("port carol", 0),
            ("client carol --for cursor", 0),
            ("client carol", 2),
            ("client carol --for emacs", 2),
            ("client nobody --for cursor", 4),
            ("stop alice", 0),
            ("restart --rolling alice bob/tools", 0),
            ("restart --rolling alice busy1 bob/tools", 5),
            ("restart --rolling alice bad1 busy1 --max-failures 2", 1),
            ("restart --max-failures 2 alice", 2),
            ("restart --rolling --max-failures 0 alice", 2),
            ("stop --rolling alice", 2),
            ("stop busy1", 5),
            ("stop alice --read-only", 3),
            ("add zoe --no-start", 0),
            ("add busy1", 5),
            ("add zoe --read-only", 3),
            ("add zoe --dry-run --read-only", 0),
            ("remove alice", 2),
            ("remove alice --yes", 0),
            ("remove nobody --yes", 4),
            ("remove alice --yes --purge --read-only", 3),
            ("remove alice --dry-run --read-only", 0),
            ("adopt alice", 0),
            ("adopt nobody", 4),
            ("adopt alice --read-only", 3),
            ("add zoe --from /dev/null", 2),
            ("add --from /dev/null", 0),
            ("add --from /no/such/file", 1),
            ("add", 2),
            ("add -- -x", 2),
            ("assign alice --port auto", 0),
            ("assign nobody --port 8100", 4),
            ("assign alice --port auto --read-only", 3),
            ("assign alice --port auto --dry-run --read-only", 0),
            ("assign alice", 2),
            ("assign alice --port 0", 2),
            ("discover", 0),
            ("discover --json --for 1s _mcp._tcp", 0),
            ("discover _mcp", 2),
            ("discover --for 2m", 2),
            ("deploy nftables", 0),
            ("serve", 0),
            ("serve --install", 0),
            ("serve --install --dry-run", 0),
            ("serve --dry-run", 2),
            ("dial-stdio", 0),
            ("dial-stdio web1", 2),
            ("deploy", 2),
            ("deploy nft", 2),
            ("deploy nftables --out /tmp/x --read-only", 3),
            ("stop", 2),
            ("frob", 2),
            ("--version", 0),
        ];
        for (line, expected) in cases {
            assert_eq!(code(line, &FakeWiring::default()), expected, "berth {line}");
        }
    }
}
