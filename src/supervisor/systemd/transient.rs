//! Keepers as transient services: where systemd runs the host it is systemd that starts them, each in a unit of its own, which holds it to
//! its limits, outlives the session that asked for it and is gone as soon as nothing is left in it.
//!
//! It must never ask twice for one keeper: where the answer was lost the keeper's own word tells what came of it.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zbus::Connection;
use zbus::connection::Builder;
use zbus::zvariant::{Fd, OwnedObjectPath, Value};

use super::bus::Fault;
use super::name::own_unit;
use super::{ADDRESS, BOOTED, DEADLINE};
use crate::domain::Limits;

/// How many names are tried: a unit of the same name may just be ending, or be another berth's.
const NAMES: u32 = 20;

/// What is started.
#[derive(Debug)]
pub struct Order<'a> {
    /// The instance, in characters that a file's name may have.
    pub stem: &'a str,
    /// The instance, as people write it.
    pub title: &'a str,
    /// Variables of the keeper: no secrets, everybody may ask systemd for them.
    pub environment: Vec<String>,
    /// What the unit is held to.
    pub limits: Limits,
    /// How long it is given to end when systemd ends it.
    pub stop_timeout: Duration,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// systemd starts it.
    Yes,
    /// Nothing was done: there is nobody who starts units here, or who would, and why.
    No(String),
    /// Nobody knows: it was asked and did not answer.
    Lost(String),
}

/// Has the system's manager start a keeper with these three descriptors as its standard streams.
pub fn start(order: &Order<'_>, descriptors: [BorrowedFd<'_>; 3]) -> Asked {
    if !nix::unistd::geteuid().is_root() {
        return Asked::No("only root's instances become units of the system".to_owned());
    }
    if !Path::new(BOOTED).is_dir() {
        return Asked::No("there is no systemd here".to_owned());
    }
    // On a thread of its own: whoever calls may be inside of a runtime, which waits for nothing.
    std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().name("berth-unit".to_owned());
        let asked = || {
            crate::failpoint::pass("berth-unit");
            ask(order, descriptors)
        };
        match asking.spawn_scoped(scope, asked) {
            Ok(asking) => asking.join().unwrap_or_else(|_| Asked::Lost("the thread that asked has failed".to_owned())),
            Err(error) => Asked::No(error.to_string()),
        }
    })
}

fn ask(order: &Order<'_>, descriptors: [BorrowedFd<'_>; 3]) -> Asked {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(error) => return Asked::No(error.to_string()),
    };
    runtime.block_on(async {
        let connection = match connect().await {
            Ok(connection) => connection,
            Err(fault) => return Asked::No(fault.words().to_owned()),
        };
        for number in 0..NAMES {
            match call(&connection, &own_unit(order.stem, number), order, descriptors).await {
                Ok(()) => return Asked::Yes,
                Err(Fault::Refused(name, _)) if name == "org.freedesktop.systemd1.UnitExists" => {}
                Err(Fault::Refused(_, words)) => return Asked::No(words),
                Err(Fault::Lost(words)) => return Asked::Lost(words),
            }
        }
        Asked::No("all names for its unit are taken".to_owned())
    })
}

async fn connect() -> Result<Connection, Fault> {
    let building = Builder::address(ADDRESS)?.method_timeout(DEADLINE).build();
    let late = |_| Fault::Lost("the message bus does not answer".to_owned());
    Ok(tokio::time::timeout(DEADLINE, building).await.map_err(late)??)
}

async fn call(connection: &Connection, name: &str, order: &Order<'_>, descriptors: [BorrowedFd<'_>; 3]) -> Result<(), Fault> {
    type Auxiliary<'a> = Vec<(&'a str, Vec<(&'a str, Value<'a>)>)>;
    let body = (name, "fail", properties(order, &program(), descriptors), Auxiliary::new());
    let (systemd, object) = (Some("org.freedesktop.systemd1"), "/org/freedesktop/systemd1");
    let interface = Some("org.freedesktop.systemd1.Manager");
    let reply = connection.call_method(systemd, object, interface, "StartTransientUnit", &body).await?;
    reply.body().deserialize::<OwnedObjectPath>()?;
    Ok(())
}

/// This very program, also where its file was replaced meanwhile: systemd may look through /proc as long as this process waits for it.
fn program() -> PathBuf {
    let running = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    let same = |path: &PathBuf| {
        use std::os::unix::fs::MetadataExt;
        let facts = |path: &Path| std::fs::metadata(path).map(|facts| (facts.dev(), facts.ino())).ok();
        facts(path).is_some() && facts(path) == facts(&running)
    };
    std::fs::read_link(&running).ok().filter(same).unwrap_or(running)
}

/// The unit, systemd.service(5), systemd.resource-control(5).
fn properties<'a>(order: &Order<'a>, program: &Path, [input, output, error]: [BorrowedFd<'a>; 3]) -> Vec<(&'static str, Value<'a>)> {
    let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let program = program.to_string_lossy().into_owned();
    let words = vec!["berth".to_owned(), "keeper".to_owned(), order.title.to_owned()];
    let mut properties = vec![
        ("Description", Value::from(format!("MCP server {}, kept by berth", order.title))),
        ("Type", Value::from("simple")),
        ("ExecStart", Value::from(vec![(program, words, false)])),
        ("Environment", Value::from(order.environment.clone())),
        ("StandardInputFileDescriptor", Value::from(Fd::from(input))),
        ("StandardOutputFileDescriptor", Value::from(Fd::from(output))),
        ("StandardErrorFileDescriptor", Value::from(Fd::from(error))),
        // The keeper ends its tree itself; what it leaves is killed with it.
        ("KillMode", Value::from("mixed")),
        ("TimeoutStopUSec", Value::from(micros(order.stop_timeout + DEADLINE))),
        // The keeper starts again whom the kernel killed for memory; systemd would end it as well.
        ("OOMPolicy", Value::from("continue")),
        // The server's group below it, which can be killed as one while the keeper lives.
        ("Delegate", Value::from(true)),
        ("CollectMode", Value::from("inactive-or-failed")),
    ];
    if let Some(bytes) = order.limits.memory_max {
        properties.push(("MemoryMax", Value::from(bytes)));
        properties.push(("MemorySwapMax", Value::from(0_u64)));
    }
    if let Some(percent) = order.limits.cpu_max {
        properties.push(("CPUQuotaPerSecUSec", Value::from(u64::from(percent) * 10_000)));
    }
    if let Some(tasks) = order.limits.tasks_max {
        // The keeper's own stand beside them.
        properties.push(("TasksMax", Value::from(tasks.saturating_add(KEEPER_TASKS))));
    }
    properties
}

/// The keeper and the thread that rotates its log.
const KEEPER_TASKS: u64 = 2;

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_unit_has_the_limits_of_its_instance_and_no_others() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let of = |limits| {
            let order = Order { stem: "amy+default", title: "amy", environment: Vec::new(), limits, stop_timeout: Duration::from_secs(10) };
            let all = properties(&order, Path::new("/usr/bin/berth"), [null.as_fd(), null.as_fd(), null.as_fd()]);
            let number = |value: &Value<'_>| u64::try_from(value).ok();
            all.iter().filter_map(|(name, value)| Some(format!("{name} {}", number(value)?))).collect::<Vec<_>>()
        };
        assert_eq!(of(Limits::default()), ["TimeoutStopUSec 15000000"]);
        assert_eq!(
            of(Limits { memory_max: Some(512), cpu_max: Some(150), tasks_max: Some(20) })[1..],
            ["MemoryMax 512", "MemorySwapMax 0", "CPUQuotaPerSecUSec 1500000", "TasksMax 22"]
        );
    }

    #[test]
    fn the_program_is_this_one() {
        let facts = |path: &Path| std::fs::metadata(path).unwrap().len();
        assert_eq!(facts(&program()), facts(&std::env::current_exe().unwrap()));
        assert!(program().is_absolute());
    }
}
