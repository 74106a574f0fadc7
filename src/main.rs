//! Wiring only: the hidden processes, the zygote, then the command line.
//!
//! It must never start a thread before the zygote is forked.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use berth::cli::{self, ConsoleOptions, Desk, Opening, Setting, Wiring};
use berth::config::Config;
use berth::domain::{InstanceId, PortRange, Snapshot};
use berth::error::{Error, Result};
use berth::hand::Zygote;
use berth::link::local::Local;
use berth::link::{Door, LogLines, LogQuery};
use berth::supervisor::process::keeper;
use berth::tui;
use tokio::sync::watch;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = cli::run_hidden(&arguments) {
        return ExitCode::from(code);
    }
    if arguments.get(1).is_some_and(|word| word == "keeper") {
        return ExitCode::from(keeper::run(&arguments));
    }
    // SAFETY: this is the process's first thread, and no other was started.
    let zygote = unsafe { Zygote::start() }.map(Arc::new);
    ExitCode::from(cli::run(arguments, &Host { zygote }))
}

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
        Ok(config.describe().into_iter().map(setting).collect())
    }

    fn open(&self, opening: &Opening) -> Result<Box<dyn Desk>> {
        let zygote = self.zygote.as_ref().map_err(|error| Error::failed("cannot start").because(error.chain()))?;
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
        self.desk(config, state, zygote, opening.read_only)
    }

    fn console(&self, desk: &dyn Desk, options: ConsoleOptions) -> Result<()> {
        let color = match options.color {
            None => tui::ColorChoice::Auto,
            Some(true) => tui::ColorChoice::Always,
            Some(false) => tui::ColorChoice::Never,
        };
        tui::run(
            desk.door(),
            tui::Options { color, ascii: options.ascii, read_only: options.read_only, fps: options.fps, reserved: desk.reserved() },
        )
    }
}

impl Host {
    fn desk(&self, config: Config, state: PathBuf, zygote: &Arc<Zygote>, read_only: bool) -> Result<Box<dyn Desk>> {
        let reserved = config.ports.reserved.clone();
        let local = Local::open(Arc::new(config), Arc::clone(zygote), read_only, state)?;
        Ok(Box::new(LocalDesk { local, reserved }))
    }
}

struct LocalDesk {
    local: Arc<Local>,
    reserved: Vec<PortRange>,
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

    fn examine(&self) -> Result<Arc<Snapshot>> {
        Ok(self.local.examine())
    }

    fn watch(&self) -> Result<watch::Receiver<Arc<Snapshot>>> {
        self.local.start_engine()
    }

    fn log(&self, id: &InstanceId, query: &LogQuery) -> Result<LogLines> {
        self.local.log(id, query)
    }

    fn door(&self) -> Arc<dyn Door> {
        Arc::clone(&self.local) as Arc<dyn Door>
    }

    fn reserved(&self) -> Vec<PortRange> {
        self.reserved.clone()
    }
}
