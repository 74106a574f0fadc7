//! The `berth` command line that does the same as something in the console.
//!
//! It must never name a command that there is not.

use std::path::Path;

use super::quote;
use crate::domain::{InstanceId, Pace, Verb};

/// How berth is called so that it is about the same fleet as here: with the file that was named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    config: Option<String>,
    /// The hosts that are shown as one, by their names there, with what `--host` has to say.
    hosts: Vec<(String, String)>,
}

impl Program {
    /// berth with this `--config`, whatever folder it is called in. What is no UTF-8 no line of text can carry.
    pub fn with(config: Option<&Path>) -> Self {
        let whole = config.and_then(|file| std::path::absolute(file).ok());
        Self { config: whole.and_then(|file| file.to_str().map(str::to_owned)), hosts: Vec::new() }
    }

    /// The same, with what `--host` has to say so that it is about one of these hosts.
    #[must_use]
    pub fn reaching(self, hosts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { hosts: hosts.into_iter().collect(), ..self }
    }

    /// The one host that all is about, where it is another one.
    fn only(&self) -> Option<&str> {
        match self.hosts.as_slice() {
            [(_, address)] => Some(address),
            _ => None,
        }
    }

    /// berth on the host of an instance, where that is not said anyhow.
    fn on(&self, id: &InstanceId) -> Vec<&str> {
        if self.only().is_some() {
            return Vec::new();
        }
        let known = id.host().and_then(|name| self.hosts.iter().find(|(known, _)| **known == **name));
        known.into_iter().flat_map(|(_, address)| ["--host", address.as_str()]).collect()
    }

    /// Its call with these words.
    pub fn line<'a>(&'a self, words: impl IntoIterator<Item = &'a str>) -> String {
        let host = self.only().into_iter().flat_map(|address| ["--host", address]);
        self.here(host.chain(words))
    }

    /// Its call on this host.
    fn here<'a>(&'a self, words: impl Iterator<Item = &'a str>) -> String {
        let option = self.config.iter().flat_map(|file| ["--config", file.as_str()]);
        quote::line(["berth"].into_iter().chain(option).chain(words))
    }

    /// Its call about an instance.
    pub fn about(&self, verb: &str, id: &InstanceId) -> String {
        self.call(verb, id, &[])
    }

    /// Its call about an instance, with further words.
    pub fn call(&self, verb: &str, id: &InstanceId, rest: &[&str]) -> String {
        let name = id.on_its_host().to_string();
        self.line(self.on(id).into_iter().chain([verb, name.as_str()]).chain(rest.iter().copied()))
    }

    /// Its call with these words on an instance's own host: not all can be asked of another one.
    pub fn there(&self, id: Option<&InstanceId>, words: &[String]) -> String {
        let words = words.iter().map(String::as_str);
        match self.address(id) {
            Some(address) => quote::line(["ssh", address, &quote::line(["berth"].into_iter().chain(words))]),
            None => self.here(words),
        }
    }

    /// A line for a shell on an instance's own host.
    pub fn shell(&self, id: Option<&InstanceId>, line: &str) -> String {
        // ssh has a shell read its words there.
        self.address(id).map_or_else(|| line.to_owned(), |address| quote::line(["ssh", address, line]))
    }

    /// Where ssh is to go for an instance; `None` for this host.
    fn address(&self, id: Option<&InstanceId>) -> Option<&str> {
        let address = self.only().or_else(|| id.and_then(|id| self.on(id).get(1).copied()))?;
        (address != "local").then_some(address)
    }

    /// A hint of berth's own, in which each call of it is one of this: where it begins, and after "then".
    pub fn hint(&self, text: &str) -> String {
        // Of several hosts it is not known which one it is about; without that it would be about this one.
        let place = if self.hosts.len() > 1 { "on its host: " } else { "" };
        let call = format!("{place}{} ", self.line([]));
        match text.strip_prefix("berth ") {
            Some(rest) => format!("{call}{rest}"),
            None => text.replace(", then berth ", &format!(", then {call}")),
        }
    }
}

/// The command for orders like these; `None` when berth's command line has none.
pub fn of(program: &Program, verb: Verb, ids: &[&InstanceId], reason: &str) -> Option<String> {
    let ids: Vec<&InstanceId> = ids.iter().copied().filter(|id| !id.is_unmanaged()).collect();
    let first = *ids.first()?;
    // One command is about one host.
    if matches!(verb, Verb::Signal(_)) || ids.iter().any(|id| id.host() != first.host()) {
        return None;
    }
    let ids: Vec<String> = ids.iter().map(|id| id.on_its_host().to_string()).collect();
    // One certificate is one instance's.
    if matches!(verb, Verb::Trust(_)) && ids.len() != 1 {
        return None;
    }
    let mut line = program.line(program.on(first).into_iter().chain([verb.word()]).chain(ids.iter().map(String::as_str)));
    if let Verb::Assign(asked) = verb {
        line.push_str(&format!(" --port {asked}"));
    }
    if !reason.is_empty() && verb.changes() {
        // Joined by `=`, since a reason that begins with a hyphen would be taken for an option.
        let joined = if reason.starts_with('-') { "=" } else { " " };
        line.push_str(&format!(" --reason{joined}{}", quote::shell(reason)));
    }
    Some(line)
}

/// The same command at a pace of its own, where that ends at a failure.
pub fn at_pace(mut line: String, pace: Pace) -> String {
    let Some(most) = pace.max_failures else { return line };
    line.push_str(" --rolling");
    for (word, number) in [("--parallel", pace.at_once), ("--max-failures", most)] {
        if number != 1 {
            line.push_str(&format!(" {word} {number}"));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Asked, Signal};

    #[test]
    fn the_table_of_commands() {
        let (alice, tools) = (InstanceId::parse("alice").unwrap(), InstanceId::parse("bob/tools").unwrap());
        let stranger = InstanceId::unmanaged("eve", 8120);
        let cases = [
            (Verb::Restart, vec![&alice], "bob's wish", Some(r"berth restart alice --reason 'bob'\''s wish'")),
            (Verb::Stop, vec![&alice, &tools], "", Some("berth stop alice bob/tools")),
            (Verb::Stop, vec![&alice], "-f", Some("berth stop alice --reason=-f")),
            (Verb::Logs, vec![&alice], "why", Some("berth logs alice")),
            (Verb::Assign(Asked::Port(8110)), vec![&alice], "moved", Some("berth assign alice --port 8110 --reason moved")),
            (Verb::Assign(Asked::Auto), vec![&alice], "", Some("berth assign alice --port auto")),
            (Verb::Stop, vec![&stranger], "", None),
            (Verb::Signal(Signal::Hangup), vec![&alice], "", None),
        ];
        for (verb, ids, reason, line) in cases {
            assert_eq!(of(&Program::default(), verb, &ids, reason).as_deref(), line);
        }
    }

    #[test]
    fn of_one_other_host_everything_is_there() {
        let program = Program::default().reaching([("web1".to_owned(), "ssh://admin@web1".to_owned())]);
        let alice = InstanceId::parse("alice").unwrap();
        for id in [alice.clone(), alice.at(Some(&"web1".into()))] {
            assert_eq!(program.about("why", &id), "berth --host ssh://admin@web1 why alice");
            assert_eq!(program.shell(Some(&id), "df -h"), "ssh ssh://admin@web1 'df -h'");
        }
        assert_eq!(program.hint("berth stop alice"), "berth --host ssh://admin@web1 stop alice");
        let two = Program::default().reaching(["web1", "web2"].map(|name| (name.to_owned(), format!("ssh://{name}"))));
        assert_eq!(two.hint("berth stop alice"), "on its host: berth stop alice");
        assert_eq!(two.about("why", &alice.at(Some(&"web2".into()))), "berth --host ssh://web2 why alice");
        assert_eq!(Program::default().shell(Some(&alice), "df -h"), "df -h");
    }

    #[test]
    fn a_command_goes_to_the_host_of_its_instances() {
        let hosts = [("web1", "ssh://admin@web1"), ("web2", "local")].map(|(name, at)| (name.to_owned(), at.to_owned()));
        let program = Program::default().reaching(hosts);
        let on = |name: &str| InstanceId::parse("alice").unwrap().at(Some(&name.into()));
        let (web1, web2) = (on("web1"), on("web2"));
        assert_eq!(of(&program, Verb::Stop, &[&web1], "").unwrap(), "berth --host ssh://admin@web1 stop alice");
        assert_eq!(program.about("show", &web1), "berth --host ssh://admin@web1 show alice");
        assert_eq!(of(&program, Verb::Stop, &[&web1, &web2], ""), None);
        let words = ["remove", "alice", "--yes"].map(str::to_owned);
        assert_eq!(program.there(Some(&web1), &words), "ssh ssh://admin@web1 'berth remove alice --yes'");
        assert_eq!(program.there(None, &words), "berth remove alice --yes");
        assert_eq!(program.there(Some(&web2), &words), "berth remove alice --yes");
    }

    #[test]
    fn the_pace_goes_with_the_command() {
        for (pace, expected) in [
            (Pace::of(8), "berth restart a b"),
            (Pace::rolling(1, 1), "berth restart a b --rolling"),
            (Pace::rolling(4, 1), "berth restart a b --rolling --parallel 4"),
            (Pace::rolling(2, 3), "berth restart a b --rolling --parallel 2 --max-failures 3"),
        ] {
            assert_eq!(at_pace("berth restart a b".to_owned(), pace), expected);
        }
    }

    #[test]
    fn the_file_that_was_named_goes_with_the_command() {
        let program = Program::with(Some(Path::new("/srv/my fleet/berth.toml")));
        let alice = InstanceId::parse("alice").unwrap();
        assert_eq!(
            of(&program, Verb::Stop, &[&alice], "it's late").unwrap(),
            r"berth --config '/srv/my fleet/berth.toml' stop alice --reason 'it'\''s late'"
        );
        assert_eq!(program.hint("berth logs alice    shows all"), "berth --config '/srv/my fleet/berth.toml' logs alice    shows all");
        assert_eq!(program.hint("ask bob, then stop it"), "ask bob, then stop it");
        assert_eq!(program.hint("mend x:1, then berth start bob"), "mend x:1, then berth --config '/srv/my fleet/berth.toml' start bob");
        let here = Program::with(Some(Path::new("berth.toml"))).line(["ls"]);
        assert!(here.starts_with("berth --config /") || here.starts_with("berth --config '/"), "{here}");
    }
}
