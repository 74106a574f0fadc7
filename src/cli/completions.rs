//! `berth completions SHELL`, and the answers to what a shell then asks: which words could come next, instances' names among them.
//!
//! It must never say anything but words: whatever fails, there are no candidates.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Shells};

use super::args::{Arguments, Completions, Shell};
use super::door::{Attach, Opening, Wiring};
use super::errors::Stop;
use super::output::Out;
use crate::domain::Shown;
use crate::error::{Context, Error, Kind};

/// The variable by which a shell's function asks; its value names the shell.
const VARIABLE: &str = "BERTH_COMPLETE";

/// The commands that take instances' names, and what the argument is called.
const TAKE_IDS: [(&str, &str); 12] = [
    ("show", "id"),
    ("why", "id"),
    ("port", "id"),
    ("client", "id"),
    ("start", "ids"),
    ("stop", "ids"),
    ("restart", "ids"),
    ("logs", "ids"),
    ("assign", "id"),
    ("adopt", "id"),
    ("remove", "id"),
    ("events", "id"),
];

/// Runs the command.
pub fn run(words: &Completions, out: &mut Out) -> Result<u8, Stop> {
    let mut text = Vec::new();
    let shell = completer(name(words.shell)).ok_or_else(|| Error::new(Kind::Usage, "that shell is not known"))?;
    shell.write_registration(VARIABLE, "berth", "berth", "berth", &mut text).while_doing(|| "cannot write the completion".to_owned())?;
    out.text(&String::from_utf8_lossy(&text))?;
    Ok(0)
}

fn name(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Elvish => "elvish",
        Shell::Powershell => "powershell",
    }
}

fn completer(name: &str) -> Option<&'static dyn EnvCompleter> {
    const SHELLS: Shells<'static> = Shells::builtins();
    SHELLS.0.iter().copied().find(|shell| shell.is(name))
}

/// Answers a shell; `None` when none asks. The words are `berth -- berth start al`, as its function passes them.
pub fn answer(arguments: &[OsString], wiring: &dyn Wiring) -> Option<u8> {
    let shell = std::env::var_os(VARIABLE).filter(|name| !name.is_empty())?;
    let mut text = Vec::new();
    let asked = arguments.iter().position(|word| word == "--").and_then(|at| arguments.get(at + 1..)).unwrap_or_default();
    if !asked.is_empty()
        && let Some(shell) = shell.to_str().and_then(completer)
    {
        let mut command = command(ids(asked, wiring));
        let folder = std::env::current_dir().ok();
        if shell.write_complete(&mut command, asked.to_vec(), folder.as_deref(), &mut text).is_err() {
            text.clear();
        }
    }
    let mut out = Out::standard(super::args::ColorWhen::Never);
    let _ = out.text(&String::from_utf8_lossy(&text)).and_then(|()| out.flush());
    Some(0)
}

/// berth's words, with candidates where instances are named.
fn command(ids: Vec<(String, String)>) -> clap::Command {
    let candidates = move |current: &OsStr| -> Vec<CompletionCandidate> {
        let begun = current.to_string_lossy();
        let like = ids.iter().filter(|(id, _)| id.starts_with(begun.as_ref()));
        like.map(|(id, about)| CompletionCandidate::new(id).help(Some(about.clone().into()))).collect()
    };
    let completer = ArgValueCompleter::new(candidates);
    let mut command = Arguments::command();
    for (name, argument) in TAKE_IDS {
        let completer = completer.clone();
        command = command.mut_subcommand(name, |sub| sub.mut_arg(argument, |argument| argument.add(completer)));
    }
    command.build();
    command
}

/// The instances' names with their state, when a command was typed that takes them.
fn ids(words: &[OsString], wiring: &dyn Wiring) -> Vec<(String, String)> {
    if !words.iter().any(|word| TAKE_IDS.iter().any(|(name, _)| word == name)) {
        return Vec::new();
    }
    let opening = Opening { config: config(words), alone: false, read_only: true, attach: Attach::Never, ..Opening::default() };
    let Ok(snapshot) = wiring.open(&opening).and_then(|desk| desk.glance()) else { return Vec::new() };
    // A stranger's name has a colon, at which shells cut words; it is nobody's to act on anyway.
    let rows = snapshot.rows.iter().filter(|row| !row.id.is_unmanaged());
    rows.map(|row| (Shown::new(&row.id.to_string()).as_str().to_owned(), row.state.word().to_owned())).collect()
}

/// What `--config` names in the words so far.
fn config(words: &[OsString]) -> Option<PathBuf> {
    words.iter().enumerate().find_map(|(at, word)| match word.to_str()?.strip_prefix("--config")? {
        "" => words.get(at + 1).map(PathBuf::from),
        rest => rest.strip_prefix('=').map(PathBuf::from),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn each_shell_gets_its_function() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::Powershell] {
            let (mut out, text) = super::super::fake::written();
            run(&Completions { shell }, &mut out).unwrap();
            out.flush().unwrap();
            assert!(text().contains(VARIABLE) && text().contains("berth"), "{shell:?}: {}", text());
        }
    }

    #[test]
    fn names_are_looked_up_only_where_they_are_taken() {
        let wiring = super::super::fake::FakeWiring::default();
        assert!(ids(&words("berth --config /x ch"), &wiring).is_empty());
        assert!(wiring.opened.lock().unwrap().is_empty(), "nothing was opened");
        let found = ids(&words("berth --config /x stop al"), &wiring);
        assert!(found.iter().any(|(id, _)| id == "alice") && found.iter().all(|(id, _)| !id.contains(':')), "{found:?}");
        let opened = wiring.opened.lock().unwrap()[0].clone();
        assert_eq!((opened.config, opened.read_only), (Some("/x".into()), true));
        assert_eq!(config(&words("berth --config=/y stop")), Some("/y".into()));
    }

    #[test]
    fn what_is_typed_is_completed() {
        let ids = || vec![("alice".to_owned(), "running".to_owned()), ("bob/tools".to_owned(), "stopped".to_owned())];
        let complete = |line: &str| {
            let words = words(line);
            let last = words.len() - 1;
            let found = clap_complete::engine::complete(&mut command(ids()), words, last, None).unwrap();
            found.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(complete("berth stop al"), ["alice"]);
        assert_eq!(complete("berth logs alice bob"), ["bob/tools"]);
        assert_eq!(complete("berth remove bob"), ["bob/tools"]);
        assert_eq!(complete("berth rest"), ["restart"]);
        assert_eq!(complete("berth config in"), ["init"]);
        assert!(complete("berth show nob").is_empty());
    }
}
