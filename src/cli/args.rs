//! The words of the command line.
//!
//! It must never do anything: it reads words and refuses what is none.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

mod about;
mod acting;
mod adding;
mod asking;
mod discover;
mod events;
mod ports;
mod rolling;
mod serve;
mod trust;

pub use about::{Completions, Config, ConfigCommand, Demo, Init, Man, Shell};
pub use adding::RunBy;
pub use asking::{Check, Client, Port, Whose};
pub use discover::Discover;
pub use events::Events;
pub use rolling::Restart;
pub use serve::Serve;
pub use trust::Trust;

use super::since;
use crate::config::Strategy;
use crate::domain::{InstanceId, PortRange, State};
use crate::link::{Asked, Pattern};

pub use ports::Ports;

/// Shows, starts and stops the MCP servers that the users of this host run, and gives each of them a port of its own.
#[derive(Debug, Parser)]
#[command(name = "berth", bin_name = "berth", version, max_term_width = 100, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// Open the console on an engine of its own, also where a daemon answers; while one does, it only looks
    #[arg(long)]
    pub embedded: bool,
    /// What to do; without it, the console opens.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_CODES: &str = "Without a command the console opens.\n\n\
    Exit codes: 0 done; 1 findings, or an action failed; 2 usage or invalid configuration; 3 not permitted; 4 no such instance; \
    5 somebody else is acting on it, or the port is taken; 6 no answer in time. Of several instances, the first one that failed decides.";

/// What holds for every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Read this configuration after the host's and the user's
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Look at another host by ssh: ssh://[USER@]HOST[:PORT], local, or the name of a [[host]]; several are shown as one
    #[arg(long, global = true, value_name = "HOST", help_heading = "Global options")]
    pub host: Vec<String>,
    /// Print one JSON document
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Use colours: auto is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub color: ColorWhen,
    /// Draw the console at most so often a second: 1 for a slow link
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=60), help_heading = "Global options")]
    pub fps: Option<u8>,
    /// Change nothing
    #[arg(long, global = true, help_heading = "Global options")]
    pub read_only: bool,
    /// Say also what could not be seen
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub verbose: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    // No doc comments here: they would make the help of every subcommand a page long.
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List all instances
    #[command(visible_alias = "list")]
    Ls(Ls),
    /// Show everything that is known about one instance
    Show(Show),
    /// Say why an instance does not work: what was looked at, with a tick or a cross, and the next step
    Why(Show),
    /// Start instances
    Start(Action),
    /// Stop instances, each with its whole process tree
    Stop(Action),
    /// Stop and start instances, each on its own port
    Restart(Restart),
    /// Add an instance: give it a port, make its directories and its configuration, and start it
    Add(Add),
    /// Give an instance another port: in the registry, in its file and in what runs
    Assign(Assign),
    /// Have an instance that runs already keep the port that it is on
    Adopt(Adopt),
    /// Take an instance away: stop it, and keep its port from others for a while; asks first
    Remove(Remove),
    /// Accept the certificate that an instance shows instead of the one that it is known by
    Trust(Trust),
    /// Show the logs of instances
    Logs(Logs),
    /// List the ports: what holds each, and whose it is
    Ports(Ports),
    /// Print an instance's port and nothing else
    Port(Port),
    /// Print what an MCP client's configuration has to say to reach an instance
    Client(Client),
    /// Write another system's file for the fleet
    Deploy(deploy::Deploy),
    /// Listen to what servers announce on the network (mDNS), and say which instance each is
    Discover(Discover),
    /// List what is wrong; exits with 1 if something is an error
    Check(Check),
    /// Show what happened and what was done, by whom and why
    Events(Events),
    /// Look and act for everybody on this host, and answer at a socket
    Serve(Serve),
    /// Join standard input and output to the daemon's socket: what --host runs on another host
    DialStdio,
    /// Print the configuration that holds, and where each value came from; or write one to begin with
    Config(Config),
    /// Try berth on a fleet of its own, of which nothing remains
    Demo(Demo),
    /// Print what makes a shell complete berth's words, instances' names among them
    Completions(Completions),
    /// Show the manual; what is not a terminal gets its source
    Man(Man),
}

/// `berth ls`.
#[derive(Debug, Args)]
pub struct Ls {
    /// Go on: again whenever something changes (with --json, one document a line)
    #[arg(short, long)]
    pub watch: bool,
}

/// `berth show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The instance: OWNER, OWNER/NAME, or ACCOUNT/:PORT
    #[arg(value_parser = id)]
    pub id: InstanceId,
}

/// `berth start`, `stop`, `restart`.
#[derive(Clone, Debug, Default, Args)]
#[command(group(clap::ArgGroup::new("whom").args(["ids", "all", "user", "state"]).required(true).multiple(true)))]
pub struct Action {
    /// The instances: OWNER or OWNER/NAME
    #[arg(value_name = "ID", value_parser = id, conflicts_with_all = ["all", "user", "state"])]
    pub ids: Vec<InstanceId>,
    /// All instances; asks first
    #[arg(long)]
    pub all: bool,
    /// The instances of this owner or account; asks first
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The instances in one of these states; asks first
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = PossibleValuesParser::new(STATES))]
    pub state: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How many at a time; 64, with --rolling 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallel: Option<u16>,
    /// How long each may take, instead of what is configured: 500ms, 30s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

const STATES: [&str; 8] = ["stopped", "starting", "running", "degraded", "stopping", "crashed", "crash-loop", "unknown"];

impl Action {
    /// Whether a state is among those asked for; every one is when none was named.
    pub fn wants_state(&self, state: State) -> bool {
        self.state.is_empty() || self.state.iter().any(|word| word == state.word())
    }
}

/// `berth add`.
#[derive(Debug, Args)]
pub struct Add {
    /// The new instance: OWNER or OWNER/NAME
    #[arg(value_parser = id, required_unless_present = "from")]
    pub id: Option<InstanceId>,
    /// Add those that this file (-: standard input) names, one a line: OWNER[/NAME] [template=NAME] [run-as=ACCOUNT]
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    pub from: Option<PathBuf>,
    /// How it is run: a [template.NAME] of the configuration
    #[arg(long, value_name = "NAME")]
    pub template: Option<String>,
    /// The account that it runs as, where its owner has none
    #[arg(long, value_name = "ACCOUNT")]
    pub run_as: Option<String>,
    /// Who runs it, where not the template says it
    #[arg(long, value_name = "WHO", conflicts_with = "from")]
    pub supervisor: Option<RunBy>,
    /// Do not start it
    #[arg(long)]
    pub no_start: bool,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `berth adopt`.
#[derive(Debug, Args)]
pub struct Adopt {
    /// The instance: OWNER or OWNER/NAME
    #[arg(value_parser = id)]
    pub id: InstanceId,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `berth remove`.
#[derive(Debug, Args)]
pub struct Remove {
    /// The instance: OWNER or OWNER/NAME
    #[arg(value_parser = id)]
    pub id: InstanceId,
    /// Delete its workspace, logs and configuration; without it they are kept, the configuration under another name
    #[arg(long)]
    pub purge: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `berth assign`.
#[derive(Debug, Args)]
pub struct Assign {
    /// The instance: OWNER or OWNER/NAME
    #[arg(value_parser = id)]
    pub id: InstanceId,
    /// This port, or auto: its own if it can have that, else what the configured strategy gives
    #[arg(long, value_name = "N|auto", value_parser = asked)]
    pub port: Asked,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `berth logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The instances: OWNER or OWNER/NAME
    #[arg(value_name = "ID", value_parser = id, required = true)]
    pub ids: Vec<InstanceId>,
    /// Go on with what is written (with --json, one document a line)
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines; 50, with --since all
    #[arg(short = 'n', long, value_name = "N")]
    pub lines: Option<usize>,
    /// From this moment on: 10m, 2h, 03:00, 2026-11-21, "2026-11-21 03:00", RFC 3339
    #[arg(long, value_name = "TIME", value_parser = since::parse_now)]
    pub since: Option<Timestamp>,
    /// Only lines in which this regular expression is found; capitals matter if it has some
    #[arg(long, value_name = "RE", value_parser = Pattern::new)]
    pub grep: Option<Pattern>,
    /// What was written before the process that runs now was started
    #[arg(short, long, conflicts_with = "follow")]
    pub previous: bool,
}

fn id(text: &str) -> Result<InstanceId, String> {
    InstanceId::parse(text).map_err(|fault| format!("this is not an instance's name: {fault}"))
}

/// The strategies by the names of the configuration.
fn strategy() -> impl TypedValueParser<Value = Strategy> {
    let names = PossibleValuesParser::new(Strategy::NAMED.map(|(name, _)| name));
    names.try_map(|name| {
        Strategy::NAMED.into_iter().find(|(known, _)| *known == name).map(|(_, strategy)| strategy).ok_or("no such strategy")
    })
}

fn asked(text: &str) -> Result<Asked, String> {
    match text.parse() {
        _ if text == "auto" => Ok(Asked::Auto),
        Ok(port) if port > 0 => Ok(Asked::Port(port)),
        _ => Err("a port is a number from 1 to 65535, or auto".to_owned()),
    }
}

fn range(text: &str) -> Result<PortRange, String> {
    PortRange::parse(text).ok_or_else(|| "ports are given as 8080-9080 or 8080, the lower one first".to_owned())
}

/// `500ms`, `30s`, `2m`, `1h`, or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let wrong = || "a time is given as 500ms, 30s, 2m or 1h".to_owned();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" | "" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    // Signals carry a timeout in 31 bits of milliseconds; none is longer than a day anyway.
    milliseconds.filter(|time| (1..=86_400_000).contains(time)).map(Duration::from_millis).ok_or_else(wrong)
}

pub mod deploy;
#[cfg(test)]
mod tests;
