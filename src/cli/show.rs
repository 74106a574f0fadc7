//! `berth show`: everything that is known about one instance.
//!
//! It must never print a number for what is not known, nor the values of an environment: they may be secrets.

use std::path::Path;

use super::args::{Global, Show};
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use crate::domain::{Declared, InstanceId, Reading, Row, Shown, Snapshot};
use crate::error::{Error, Kind};
use crate::present::command::Program;
use crate::present::paint::{Tone, paint};
use crate::present::table::{self, Style};
use crate::present::{HIDDEN, Look, announced, disk, health, json, limits, units, wording};

/// Runs the command.
pub fn run(words: &Show, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let snapshot = desk.look_closely(&words.id)?;
    let row = snapshot.row(&words.id).ok_or_else(|| no_such(&words.id, &snapshot))?;
    let caller = desk.door().caller().uid;
    let may_read = caller.is_root() || caller == row.uid;
    if global.json {
        out.json(&json::show(row, &snapshot, may_read))?;
    } else {
        out.text(&text(row, &snapshot, may_read, out.style(), out.program()))?;
    }
    Ok(0)
}

/// That there is no such instance, with the one that was probably meant.
pub fn no_such(id: &InstanceId, snapshot: &Snapshot) -> Error {
    let wanted = id.to_string();
    let near = snapshot
        .rows
        .iter()
        .map(|row| row.id.to_string())
        .map(|name| (strsim::damerau_levenshtein(&name, &wanted), name))
        .filter(|(distance, name)| *distance <= 2.min(name.len() / 2))
        .min();
    let hint = near.map_or_else(|| "berth ls    lists those that there are".to_owned(), |(_, name)| format!("is {name} meant?"));
    Error::new(Kind::NoSuchInstance, format!("there is no instance {id}")).hint(hint)
}

/// An error about an instance, with the one that was probably meant where there is none of that name.
pub fn nearest(error: Error, id: &InstanceId, desk: &dyn Desk) -> Error {
    if error.kind() != Kind::NoSuchInstance {
        return error;
    }
    match desk.glance() {
        Ok(snapshot) if snapshot.row(id).is_none() => no_such(id, &snapshot),
        _ => error,
    }
}

/// The facts, a line each, and what is wrong below them.
fn text(row: &Row, snapshot: &Snapshot, may_read: bool, style: Style, program: &Program) -> String {
    let look = Look { ascii: style.ascii, now: snapshot.taken.wall };
    let state = paint(&wording::state(row.state, style.ascii), Tone::of_state(row.state), style.color);
    let mut text = format!("{}  {state}{}\n", paint(&row.id.to_string(), Tone::Strong, style.color), because(row));
    let mut facts = Facts { text: String::new(), color: style.color };
    facts.add("port", measured(row, row.own_port(), look, |port| port.to_string()));
    facts.add("address", row.host.map(|host| host.to_string()));
    facts.add("listens on", listening(row));
    facts.add("account", Some(format!("{} (uid {})", row.user, row.uid)));
    facts.add("wish", row.wish.map(|wish| wish.word().to_owned()).or_else(|| Some(HIDDEN.to_owned())));
    facts.add("run by", Some(wording::by(row)));
    facts.add("up", row.started_at.map(|at| format!("{}, since {}", wording::age(at, look.now), json::timestamp(at))));
    facts.add("restarts", measured(row, row.restarted(), look, |count| count.to_string()).filter(|_| row.restarted() != Reading::Known(0)));
    facts.add("last end", row.exit.as_ref().map(|exit| wording::last_exit(exit, look.now)));
    facts.add("cpu", measured(row, row.cpu_percent, look, |percent| format!("{} % of a core", units::percent(percent))));
    facts.add("memory", measured(row, row.memory_bytes, look, units::bytes));
    facts.add("tasks", measured(row, row.tasks, look, |count| count.to_string()));
    facts.add("open files", measured(row, row.open_files, look, |count| count.to_string()));
    for (label, fact) in disk::facts(row, snapshot, look) {
        facts.add(label, Some(fact));
    }
    for (index, (label, told)) in limits::lines(row).into_iter().enumerate() {
        let label = if label.is_empty() { String::new() } else { format!("{label} ") };
        facts.add(if index == 0 { "limits" } else { "" }, Some(format!("{label}{told}")));
    }
    let answers = health::facts(row, Some(look.now));
    if answers.is_empty() {
        facts.add("health", row.state.is_up().then(|| wording::health_plain(row, look)));
    }
    for (label, fact) in answers {
        facts.add(label, Some(fact));
    }
    for (index, told) in announced::facts(&row.id, snapshot).into_iter().enumerate() {
        facts.add(if index == 0 { "announced as" } else { "" }, Some(told));
    }
    if let Some(service) = &row.service {
        let result = service.result.as_ref().map(|result| format!(", {result}")).unwrap_or_default();
        let since = service.since.map(|at| format!(", since {}", json::timestamp(at))).unwrap_or_default();
        facts.add("unit", Some(format!("{} is {}{result}{since}", service.name, service.told)));
        facts.add("group", service.group.as_ref().map(ToString::to_string));
    }
    facts.add("keeper", row.keeper.map(|key| key.to_string()));
    for process in &row.processes {
        facts.add("process", Some(format!("{} {} {}", process.key.pid, process.state, process.command)));
    }
    if let Some(declared) = &row.declared {
        declaration(&mut facts, declared);
        environment(&mut facts, declared, may_read);
    }
    text.push_str(&facts.text);
    let findings: Vec<_> = snapshot.findings_of(&row.id).cloned().collect();
    if !findings.is_empty() {
        text.push('\n');
        // `berth show` is what is being read already.
        let own = format!("{}\n", program.about("show", &row.id));
        text.extend(table::findings(&findings, snapshot, style, program).split_inclusive('\n').filter(|line| !line.ends_with(&own)));
    }
    text
}

fn because(row: &Row) -> String {
    row.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
}

fn listening(row: &Row) -> Option<String> {
    let place = |(endpoint, pid): &(crate::domain::Endpoint, Option<i32>)| match pid {
        Some(pid) => format!("{endpoint} (pid {pid})"),
        None => endpoint.to_string(),
    };
    (!row.listening.is_empty()).then(|| row.listening.iter().map(place).collect::<Vec<_>>().join(", "))
}

/// A measured value, or why it is not there; nothing where it does not apply.
fn measured<T>(row: &Row, reading: Reading<T>, look: Look, tell: impl FnOnce(T) -> String) -> Option<String> {
    match reading {
        Reading::Known(value) => Some(tell(value)),
        Reading::Denied => Some(format!("{HIDDEN} (may not be seen)")),
        Reading::Unasked if row.state.is_up() => Some(look.not_yet().to_owned()),
        Reading::Gone | Reading::Unasked => None,
    }
}

fn declaration(facts: &mut Facts, declared: &Declared) {
    let path = |path: &Path| Shown::from_bytes(path.as_os_str().as_encoded_bytes()).to_string();
    facts.add("server", declared.server_name.as_ref().map(ToString::to_string));
    facts.add("configuration", Some(path(&declared.config)));
    facts.add("workspace", declared.workspace.as_deref().map(path));
    let is_there = |path: &&Path| !path.as_os_str().is_empty();
    let journal = declared.unit.as_ref().map(|unit| {
        let whose = if declared.supervisor.is_container() { "its engine's" } else { "the journal" };
        format!("{whose}: {}", unit.log_command(declared.supervisor))
    });
    facts.add("log", Some(declared.log.as_path()).filter(is_there).map(path).or(journal));
    facts.add("pid file", Some(declared.pid_file.as_path()).filter(is_there).map(path));
    if let Some(launch) = &declared.launch {
        facts.add("command", Some(Shown::new(&launch.command.join(" ")).to_string()));
        facts.add("directory", Some(path(&launch.directory)));
        let names: Vec<&str> = launch.environment.names().collect();
        facts.add("environment", (!names.is_empty()).then(|| Shown::new(&names.join(" ")).to_string()));
        let (start, stop) = (units::took(launch.start_timeout), units::took(launch.stop_timeout));
        facts.add("timeouts", Some(format!("{start} to start, {stop} to stop")));
    }
}

/// The environment file: names, for its account and root only. The values are not known here.
fn environment(facts: &mut Facts, declared: &Declared, may_read: bool) {
    let Some(file) = &declared.env_file else { return };
    facts.add("env file", Some(Shown::from_bytes(file.path.as_os_str().as_encoded_bytes()).to_string()));
    let named = |name: &Shown| if file.empty.contains(name) { format!("{name}=") } else { format!("{name}=***") };
    let variables = file.names.iter().map(named).collect::<Vec<_>>().join(" ");
    facts.add("variables", if may_read { (!variables.is_empty()).then_some(variables) } else { Some(HIDDEN.to_owned()) });
}

struct Facts {
    text: String,
    color: bool,
}

impl Facts {
    fn add(&mut self, label: &str, fact: Option<String>) {
        if let Some(fact) = fact {
            self.text.push_str(&format!("  {}  {fact}\n", paint(&format!("{label:<13}"), Tone::Dim, self.color)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};
    use crate::domain::EnvFile;

    fn ran(id: &str, options: &str) -> String {
        let (mut out, text) = written();
        assert_eq!(run(&Show { id: fleet::id(id) }, &global(options), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
        text()
    }

    #[test]
    fn one_that_runs() {
        insta::assert_snapshot!(ran("alice", ""), @r"
        alice  ● running
          port           8101
          address        127.0.0.1
          listens on     127.0.0.1:8101 (pid 2211)
          account        alice (uid 1001)
          wish           up
          run by         process
          up             4 d 02 h, since 2026-11-17T01:12:04.120Z
          cpu            12.4 % of a core
          memory         83.1 M
          tasks          11
          open files     27
          disk           14.2 M: log 4.1 M (2 rotated), workspace 10.1 M; grows by 2 K/s
          file system    /srv (ext4): 62 % full, 7.60 G left, full in 44 days at this rate
          health         3 ms
          keeper         pid 2210
          process        2211 S node src/main.js
          configuration  /opt/mcp-server/users/alice/config/config.json
          workspace      /opt/mcp-server/users/alice/workspace
          log            /opt/mcp-server/users/alice/logs/server.log
          pid file       /opt/mcp-server/users/alice/server.pid
          command        node src/main.js
          directory      /opt/mcp-server
          timeouts       1 min to start, 10.0 s to stop
        ");
    }

    #[test]
    fn one_that_does_not_and_why() {
        insta::assert_snapshot!(ran("carol", ""), @r"
        carol  ✖ crashed
          port           8107
          address        127.0.0.1
          account        carol (uid 1003)
          wish           up
          run by         process
          restarts       3
          last end       exited with code 1, 6 s ago
          configuration  /opt/mcp-server/users/carol/config/config.json
          workspace      /opt/mcp-server/users/carol/workspace
          log            /opt/mcp-server/users/carol/logs/server.log
          pid file       /opt/mcp-server/users/carol/server.pid
          command        node src/main.js
          directory      /opt/mcp-server
          timeouts       1 min to start, 10.0 s to stop

        ✖ port-taken  8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it
          mend it:    berth assign carol --port 8110    the next free one, and a restart
        ");
    }

    #[test]
    fn variables_are_named_and_their_values_are_not_told() {
        let mut row = (**fleet::fleet().row(&fleet::id("alice")).unwrap()).clone();
        let mut declared = (**row.declared.as_ref().unwrap()).clone();
        let path = "/opt/sdp-mcp/.env.alice".into();
        declared.env_file = Some(EnvFile {
            path,
            names: vec!["SDP_HTTP_PORT".into(), "SDP_TOKEN".into()],
            empty: vec!["SDP_TOKEN".into()],
            ..EnvFile::default()
        });
        row.declared = Some(declared.into());
        let plain = Style { color: false, ..written().0.style() };
        let told = |may_read| text(&row, &fleet::fleet(), may_read, plain, &Program::default());
        assert!(
            told(true).contains("  env file       /opt/sdp-mcp/.env.alice\n  variables      SDP_HTTP_PORT=*** SDP_TOKEN=\n"),
            "{}",
            told(true)
        );
        assert!(told(false).contains("  env file       /opt/sdp-mcp/.env.alice\n  variables      ?\n"), "{}", told(false));
        let snapshot = fleet::fleet();
        let document = |may_read| json::show(&row, &snapshot, may_read)["instance"]["env_file"].clone();
        assert_eq!(document(true)["variables"], serde_json::json!(["SDP_HTTP_PORT", "SDP_TOKEN"]));
        assert!(document(false)["variables"].is_null() && document(false)["path"] == "/opt/sdp-mcp/.env.alice");
    }

    #[test]
    fn one_that_may_not_be_seen() {
        let text = ran("frank", "");
        assert!(text.starts_with("frank  ? unknown: processes of frank may not be seen (hidepid)\n"), "{text}");
        assert!(text.contains("memory         ? (may not be seen)"), "{text}");
    }

    #[test]
    fn the_document_holds_the_instance() {
        assert!(ran("bob/tools", "--json").starts_with(r#"{"schema":1,"instance":{"id":"bob/tools","owner":"bob","name":"tools""#));
    }

    #[test]
    fn whoever_mistypes_is_told_who_is_near() {
        let error = |id: &str| no_such(&fleet::id(id), &fleet::fleet());
        assert_eq!((error("alcie").exit_code(), error("alcie").way_out()), (4, Some("is alice meant?")));
        assert_eq!(error("somebody").way_out(), Some("berth ls    lists those that there are"));
    }
}
