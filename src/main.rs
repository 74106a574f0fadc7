//! Wiring only: the hidden processes, the zygote, then the command line.
//!
//! It must never start a thread before the zygote is forked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use berth::cli::{self, Attach, AttachedDesk, ConsoleOptions, Desk, Opening, Setting, Wiring};
use berth::config::{Config, Strategy};
use berth::daemon;
use berth::domain::{Added, Diagnosis, Event, EventQuery, Fence, InstanceId, NamedHost, Outcome, Proposal, Shown, Snapshot};
use berth::error::{Error, Kind, Result};
use berth::hand::{self, Zygote};
use berth::link::local::{Local, share_memory};
use berth::link::many::{Many, reach};
use berth::link::remote::Remote;
use berth::link::{self, Adding, Asked, Door, EventsStamp, LogLines, LogQuery, Removing};
use berth::nearby;
use berth::present::command::Program;
use berth::supervisor::process::keeper;
use berth::tui::{self, Keymap};
use tokio::sync::watch;

fn main() -> ExitCode {
    cli::tame_panics();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = cli::run_hidden(&arguments) {
        return ExitCode::from(code);
    }
    if arguments.get(1).is_some_and(|word| word == "keeper") {
        return ExitCode::from(keeper::run(&arguments));
    }
    if arguments.get(1).is_some_and(|word| word == nearby::WORD) {
        return ExitCode::from(nearby::run(&arguments));
    }
    hand::pass_nothing_on();
    // SAFETY: this is the process's first thread, and no other was started.
    let zygote = unsafe { Zygote::start() }.map(Arc::new);
    let code = cli::run(arguments, &Host { zygote });
    link::leave();
    ExitCode::from(code)
}

/// How long a daemon may take from its lock to its socket.
const BEGINS: Duration = Duration::from_secs(5);

/// The parts as they are in the real program.
struct Host {
    zygote: Result<Arc<Zygote>>,
}

impl Wiring for Host {
    fn settings(&self, file: Option<&Path>) -> Result<Vec<Setting>> {
        let config = Config::load(file)?;
        let setting = |(key, value, origin): (String, berth::domain::Shown, berth::config::Origin)| Setting {
            key,
            value: value.as_str().to_owned(),
            origin: origin.to_string(),
        };
        let mut settings: Vec<Setting> =
            config.describe().into_iter().filter(|(key, _, _)| !key.starts_with("keys.")).map(setting).collect();
        let keymap = Keymap::of(&config.keys)?;
        settings.extend(keymap.describe().into_iter().map(|(key, value, place)| {
            let origin = place.map_or(berth::config::Origin::Default, |place| berth::config::Origin::File(place.clone()));
            Setting { key, value, origin: origin.to_string() }
        }));
        Ok(settings)
    }

    fn open(&self, opening: &Opening) -> Result<Box<dyn Desk>> {
        let (config, state) = load(opening)?;
        if opening.stays {
            share_memory();
        }
        let config = Arc::new(config);
        let mut why = None;
        let hosts = cli::hosts_of(opening, &config)?;
        if !hosts.is_empty() {
            return Ok(Box::new(far(opening, hosts, config, &state)?));
        }
        if opening.attach == Attach::Where {
            match Remote::attach(&config, &state, opening.read_only) {
                Ok(remote) => return Ok(Box::new(AttachedDesk::new(remote, config, Vec::new()))),
                Err(error) if error.kind() == Kind::NoSuchInstance => {}
                Err(error) => why = Some(Shown::new(&format!("not attached: {}", error.chain()))),
            }
        }
        if opening.attach == Attach::ToAct {
            return self.open_to_act(opening, config, state);
        }
        let local = self.local(&config, state, opening.read_only)?;
        if opening.alone {
            local.is_trial();
        }
        if opening.attach != Attach::Never {
            local.give_way(why);
        }
        Ok(Box::new(LocalDesk { local, config }))
    }

    fn serve(&self, opening: &Opening) -> Result<()> {
        share_memory();
        let (config, state) = load(opening)?;
        let config = Arc::new(config);
        let shared = self.local(&config, state.clone(), opening.read_only)?;
        let (opening, socket) = (opening.clone(), config.daemon.socket.clone());
        let check = move || {
            let (new, new_state) = load(&opening)?;
            for (key, is_same) in [("[daemon] socket", new.daemon.socket == socket), ("[layout] state", new_state == state)] {
                if !is_same {
                    return Err(Error::new(Kind::Usage, format!("{key} was changed, which needs a restart")));
                }
            }
            Ok(())
        };
        let (socket, http) = (config.daemon.socket.clone(), config.daemon.http);
        daemon::run(&daemon::Serving { shared, socket, http, check: Arc::new(check) })
    }

    fn dial(&self, opening: &Opening) -> Result<()> {
        link::dial::join(&load(opening)?.0.daemon.socket)
    }

    fn install(&self, config: Option<&Path>, dry_run: bool) -> Result<String> {
        // What it could not serve with is not installed.
        load(&Opening { config: config.map(Path::to_owned), ..Opening::default() })?;
        daemon::install(&daemon::Installing { config: config.map(Path::to_owned), dry_run })
    }

    fn console(&self, desk: &dyn Desk, options: ConsoleOptions) -> Result<()> {
        let color = match options.color {
            None => tui::ColorChoice::Auto,
            Some(true) => tui::ColorChoice::Always,
            Some(false) => tui::ColorChoice::Never,
        };
        let config = desk.config();
        let options = tui::Options {
            color,
            ascii: options.ascii,
            read_only: options.read_only,
            fps: options.fps,
            keymap: Arc::new(config.map_or_else(|| Ok(Keymap::default()), |config| Keymap::of(&config.keys))?),
            theme: config.and_then(|config| config.console.theme.clone()),
            configured: config.is_some_and(|config| !config.files.is_empty()),
            program: Program::with(options.config.as_deref())
                .reaching(desk.hosts().iter().map(|host| (host.name.clone(), host.at.to_string()))),
        };
        tui::run(desk.door(), options)
    }
}

impl Host {
    /// For a command that acts: the daemon does it where there is one, and this process looks.
    fn open_to_act(&self, opening: &Opening, config: Arc<Config>, state: PathBuf) -> Result<Box<dyn Desk>> {
        let local = self.local(&config, state.clone(), opening.read_only)?;
        let begun = Instant::now();
        loop {
            match Remote::attach_to_act(&config, &state, opening.read_only) {
                Ok(Some(remote)) => return Ok(Box::new(ActingDesk { remote, config, local })),
                // It has its place and not its socket: it begins, or begins anew.
                Ok(None) if local.daemon_by_lock().is_some() && begun.elapsed() < BEGINS => std::thread::sleep(Duration::from_millis(50)),
                Ok(None) => break,
                // A stranger at its socket is no daemon.
                Err(error) if error.kind() == Kind::NotPermitted => break,
                Err(error) => return Err(error),
            }
        }
        local.give_way_to_lock();
        Ok(Box::new(LocalDesk { local, config }))
    }

    fn local(&self, config: &Arc<Config>, state: PathBuf, read_only: bool) -> Result<Arc<Local>> {
        let zygote = self.zygote.as_ref().map_err(|error| Error::failed("cannot start").because(error.chain()))?;
        Local::open(Arc::clone(config), Arc::clone(zygote), read_only, state)
    }
}

/// The door to other hosts. One that a command asks something of is as if the command were run there; what the console shows says its host.
fn far(opening: &Opening, hosts: Vec<NamedHost>, config: Arc<Config>, state: &Path) -> Result<AttachedDesk> {
    use std::io::IsTerminal;
    let may_ask = std::io::stdin().is_terminal();
    if let ([host], false) = (hosts.as_slice(), opening.stays_open()) {
        let remote = Remote::on(host, false, &config, state, opening.read_only)?;
        remote.reach(may_ask)?;
        return Ok(AttachedDesk::of_one(remote, config, hosts));
    }
    let all: Vec<Arc<Remote>> =
        hosts.iter().map(|host| Remote::on(host, true, &config, state, opening.read_only)).collect::<Result<_>>()?;
    reach(&all, may_ask, opening.stays_open())?;
    Ok(AttachedDesk::new(Many::of(all), config, hosts))
}

/// The configuration, and where the state lies.
fn load(opening: &Opening) -> Result<(Config, PathBuf)> {
    let (config, state) = match (&opening.config, opening.alone) {
        (Some(file), true) => {
            let config = Config::load_alone(file)?;
            let state = config.layout.state.clone().unwrap_or_else(|| config.state_directory());
            (config, state)
        }
        (file, _) => {
            let config = Config::load(file.as_deref())?;
            let state = config.state_directory();
            (config, state)
        }
    };
    // Keys that cannot hold are refused like every other fault of a configuration: at once, whatever is to be done.
    Keymap::of(&config.keys)?;
    Ok((config, state))
}

struct LocalDesk {
    local: Arc<Local>,
    config: Arc<Config>,
}

impl Desk for LocalDesk {
    fn look(&self) -> Result<Arc<Snapshot>> {
        Ok(self.local.look())
    }

    fn glance(&self) -> Result<Arc<Snapshot>> {
        Ok(self.local.glance())
    }

    fn look_closely(&self, id: &InstanceId) -> Result<Arc<Snapshot>> {
        Ok(self.local.look_closely(id))
    }

    fn why(&self, id: &InstanceId) -> Result<(Arc<Snapshot>, Diagnosis)> {
        self.local.why(id)
    }

    fn examine(&self) -> Result<Arc<Snapshot>> {
        Ok(self.local.examine())
    }

    fn audit(&self) -> Result<Arc<Snapshot>> {
        Ok(self.local.audit())
    }

    fn discover(&self, kinds: &[String], patience: Duration) -> Result<(Arc<Snapshot>, Vec<Shown>)> {
        self.local.discover(kinds, patience)
    }

    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        self.local.start_engine()
    }

    fn log(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        self.local.log(id, query)
    }

    fn events(&self, query: &EventQuery) -> Result<Vec<Event>> {
        self.local.events(query)
    }

    fn events_stamp(&self) -> Option<EventsStamp> {
        self.local.events_stamp()
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.local) as Arc<dyn Door>
    }

    fn config(&self) -> Option<&Config> {
        Some(&self.config)
    }

    fn add(&self, adding: &Adding) -> Added {
        if let Some(outcome) = self.local.turned_away("added").filter(|_| !adding.dry_run) {
            return not_added(outcome);
        }
        self.local.add(adding, &mut |_| ())
    }

    fn add_many(&self, all: &[Adding], ended: &mut dyn FnMut(usize, &Added)) -> Vec<Added> {
        if let Some(outcome) = self.local.turned_away("added").filter(|_| all.iter().any(|one| !one.dry_run)) {
            let added = vec![not_added(outcome); all.len()];
            added.iter().enumerate().for_each(|(at, one)| ended(at, one));
            return added;
        }
        self.local.add_many(all, ended)
    }

    fn remove(&self, removing: &Removing) -> Outcome {
        self.local.turned_away("removed").filter(|_| !removing.dry_run).unwrap_or_else(|| self.local.remove(removing, &mut |_| ()))
    }

    fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>) -> Outcome {
        self.local.turned_away("adopted").filter(|_| !dry_run).unwrap_or_else(|| self.local.adopt(id, dry_run, reason, &mut |_| ()))
    }

    fn assign(&self, id: &InstanceId, asked: Asked, dry_run: bool, reason: Option<String>) -> Outcome {
        self.local
            .turned_away("assigned")
            .filter(|_| !dry_run)
            .unwrap_or_else(|| self.local.assign(id, asked, dry_run, reason, &mut |_| ()))
    }

    fn fence(&self) -> Result<Fence> {
        self.local.fence()
    }

    fn propose(&self, strategy: Strategy) -> Result<Proposal> {
        self.local.propose(strategy)
    }
}

/// A daemon's fleet for a command that acts: it looks by itself, as those do that only look, and has the daemon act.
struct ActingDesk {
    remote: Arc<Remote>,
    config: Arc<Config>,
    local: Arc<Local>,
}

fn not_here() -> Error {
    Error::failed("this is not asked of the daemon")
}

fn not_added(outcome: Outcome) -> Added {
    Added { outcome, port: None, url: None, account: None, config: None, steps: Vec::new() }
}

impl Desk for ActingDesk {
    fn look(&self) -> Result<Arc<Snapshot>> {
        Ok(self.local.look())
    }

    /// Who is not root is told by the daemon what may be had done, of which an own engine sees only a part.
    fn glance(&self) -> Result<Arc<Snapshot>> {
        if self.local.caller().uid.is_root() { Ok(self.local.glance()) } else { self.remote.picture() }
    }

    fn look_closely(&self, id: &InstanceId) -> Result<Arc<Snapshot>> {
        Ok(self.local.look_closely(id))
    }

    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        Ok(self.remote.watch())
    }

    fn log(&self, _: &InstanceId, _: &LogQuery) -> Result<LogLines> {
        Err(not_here())
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.remote) as Arc<dyn Door>
    }

    fn config(&self) -> Option<&Config> {
        Some(&self.config)
    }

    fn add(&self, adding: &Adding) -> Added {
        let added = self.remote.add(std::slice::from_ref(adding)).pop();
        added.unwrap_or_else(|| {
            let (exit_code, sentence) = (not_here().exit_code(), Shown::new(&not_here().chain()));
            not_added(Outcome { exit_code, sentence, hints: Vec::new(), log_lines: Vec::new() })
        })
    }

    fn add_many(&self, all: &[Adding], ended: &mut dyn FnMut(usize, &Added)) -> Vec<Added> {
        let added = self.remote.add(all);
        added.iter().enumerate().for_each(|(at, one)| ended(at, one));
        added
    }

    fn remove(&self, removing: &Removing) -> Outcome {
        self.remote.remove(removing)
    }

    fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>) -> Outcome {
        self.remote.adopt(id, dry_run, reason)
    }

    fn assign(&self, id: &InstanceId, asked: Asked, dry_run: bool, reason: Option<String>) -> Outcome {
        self.remote.assign(id, asked, dry_run, reason)
    }

    fn fence(&self) -> Result<Fence> {
        Err(not_here())
    }

    fn propose(&self, strategy: Strategy) -> Result<Proposal> {
        self.remote.propose(strategy)
    }
}
