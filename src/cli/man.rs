//! `berth man`: the manual, made from the words of the command line and from the table of keys.
//!
//! It must never say what the program does not: what can be taken from it is taken from it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::CommandFactory;
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::{Arguments, Man};
use super::errors::Stop;
use super::output::Out;
use crate::domain::Shown;
use crate::error::{Context, Error, Kind};
use crate::tui::keymap::{Keymap, Place};

/// What berth reads and writes.
const FILES: [(&str, &str); 5] = [
    ("/etc/berth/berth.toml", "the host's configuration; `berth config` prints what holds, `berth config init` writes one to begin with"),
    ("$XDG_CONFIG_HOME/berth/berth.toml", "the caller's own, a patch over the host's; then --config FILE"),
    ("/etc/berth/themes/NAME.toml, $XDG_CONFIG_HOME/berth/themes/NAME.toml", "themes of one's own"),
    ("/var/lib/berth, $XDG_STATE_HOME/berth", "root's state, and others': what was started, and the audit trail"),
    ("/run/berth", "locks"),
];

/// The variables that count.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("BERTH_STATE", "another directory for berth's own state"),
    ("NO_COLOR", "set to anything: no colours"),
    ("COLORTERM, TERM", "how many colours there are"),
    ("LC_ALL, LC_CTYPE, LANG", "without UTF-8, everything is drawn in ASCII"),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME, HOME", "where the caller's own files lie"),
];

/// The exit codes.
const EXIT: [(&str, &str); 7] = [
    ("0", "done; what was as wished already counts as done"),
    ("1", "findings, or an action failed"),
    ("2", "usage, or an invalid configuration"),
    ("3", "not permitted"),
    ("4", "no such instance"),
    ("5", "somebody else is acting on it, or the port is taken"),
    ("6", "no answer in time"),
];

/// Runs the command.
pub fn run(words: &Man, out: &mut Out) -> Result<u8, Stop> {
    let mut all = Arguments::command();
    all.build();
    if let Some(folder) = &words.out {
        return write(&all, folder, out);
    }
    let command = match &words.command {
        None => &all,
        Some(name) => all.find_subcommand(name).ok_or_else(|| unknown(&all, name))?,
    };
    let text = page(command, words.command.is_none())?;
    if out.is_terminal() && shown_by_man(&text) {
        return Ok(0);
    }
    if out.is_terminal() {
        // No man(1) here: the same words, without their dress.
        let help = command.clone().render_long_help();
        out.text(&help.to_string())?;
    } else {
        out.text(&text)?;
    }
    Ok(0)
}

fn unknown(all: &clap::Command, name: &str) -> Error {
    let names: Vec<&str> = all.get_subcommands().map(clap::Command::get_name).collect();
    let advice = crate::config::advice(name, names);
    Error::new(Kind::Usage, format!("there is no command {}{advice}", Shown::new(name)))
}

/// Every page as a file: `berth.1`, `berth-start.1`.
fn write(all: &clap::Command, folder: &Path, out: &mut Out) -> Result<u8, Stop> {
    for (command, is_main) in
        std::iter::once((all, true)).chain(all.get_subcommands().filter(|sub| !sub.is_hide_set()).map(|sub| (sub, false)))
    {
        let path = folder.join(Page::new(command.clone()).get_filename());
        let shown = Shown::new(&path.to_string_lossy());
        fs::write(&path, page(command, is_main)?).while_doing(|| format!("cannot write {shown}"))?;
        out.text(&format!("{shown}\n"))?;
    }
    Ok(0)
}

/// One page in the language of man(7).
fn page(command: &clap::Command, is_main: bool) -> Result<String, Error> {
    let page = Page::new(command.clone()).manual("berth").source(format!("berth {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    let mut render = || -> std::io::Result<()> {
        page.render_title(&mut text)?;
        page.render_name_section(&mut text)?;
        page.render_synopsis_section(&mut text)?;
        page.render_description_section(&mut text)?;
        page.render_options_section(&mut text)?;
        if command.get_subcommands().next().is_some() {
            page.render_subcommands_section(&mut text)?;
        }
        if is_main {
            let mut roff = Roff::new();
            keys(&mut roff);
            section(&mut roff, "FILES", &FILES);
            section(&mut roff, "ENVIRONMENT", &ENVIRONMENT);
            section(&mut roff, "EXIT STATUS", &EXIT);
            roff.text([roman("Of several instances, the first one that failed decides.")]);
            roff.to_writer(&mut text)?;
        }
        Ok(())
    };
    render().while_doing(|| "cannot make the page".to_owned())?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn section(roff: &mut Roff, title: &str, lines: &[(&str, &str)]) {
    roff.control("SH", [title]);
    for (what, about) in lines {
        roff.control("TP", []);
        roff.text([bold(*what)]);
        roff.text([roman(*about)]);
    }
}

/// The console's keys, place by place, as they are without a configuration.
fn keys(roff: &mut Roff) {
    let keymap = Keymap::default();
    roff.control("SH", ["KEYS"]);
    roff.text([
        roman("In the console, ? shows the keys of what has the focus, and : finds every action by its name. All can be changed: "),
        bold("berth config --keys"),
    ]);
    for place in Place::ALL {
        let mut lines = keymap.bound().iter().filter(|bound| bound.place == place).peekable();
        if lines.peek().is_none() {
            continue;
        }
        roff.control("SS", [place.heading()]);
        for bound in lines {
            roff.control("TP", []);
            roff.text([bold(bound.labels())]);
            roff.text([roman(bound.words)]);
        }
    }
}

/// Whether man(1) has shown it.
fn shown_by_man(text: &str) -> bool {
    let Ok(mut man) = Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn() else { return false };
    if let Some(mut stdin) = man.stdin.take() {
        // It may have been left before it had read all.
        let _ = stdin.write_all(text.as_bytes());
    }
    man.wait().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: Option<&str>) -> String {
        let (mut out, text) = super::super::fake::written();
        run(&Man { command: command.map(str::to_owned), out: None }, &mut out).unwrap();
        out.flush().unwrap();
        text()
    }

    #[test]
    fn the_page_has_every_command_key_and_exit_code() {
        let page = of(None);
        for part in [".TH berth 1", ".SH KEYS", ".SS instances", ".SH \"EXIT STATUS\"", "NO_COLOR", "/etc/berth/berth.toml", "sort by CPU"]
        {
            assert!(page.contains(part), "{part}\n{page}");
        }
        for command in Arguments::command().get_subcommands() {
            let name = command.get_name().replace('-', "\\-");
            assert!(page.contains(&format!("berth\\-{name}(1)")), "{name}");
        }
    }

    #[test]
    fn each_command_has_its_page_and_no_other_has() {
        assert!(of(Some("start")).contains(".TH berth-start 1"));
        let (mut out, _) = super::super::fake::written();
        let words = Man { command: Some("strat".to_owned()), out: None };
        let Err(Stop::Error(error)) = run(&words, &mut out) else { panic!("there is such a command") };
        assert_eq!(error.to_string(), "there is no command strat; did you mean \"start\"?");
    }

    #[test]
    fn every_page_is_written_as_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut out, _) = super::super::fake::written();
        run(&Man { command: None, out: Some(folder.path().to_owned()) }, &mut out).unwrap();
        assert!(folder.path().join("berth.1").exists() && folder.path().join("berth-logs.1").exists());
    }
}
