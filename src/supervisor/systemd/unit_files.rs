//! Units that berth makes: how they are called so that they are found again, and having systemd take them up or let go of them.
//!
//! It must never write a file: it is told when they are there.

use std::path::{Path, PathBuf};

use zbus::Connection;
use zbus::connection::Builder;

use super::bus::Fault;
use super::name::{fits, id_of, unit_part};
use super::{ADDRESS, BOOTED, DEADLINE};
use crate::domain::{InstanceId, ManagedId};
use crate::error::{Error, Kind, Result};

/// Where the administrator's units lie, systemd.unit(5).
pub const FOLDER: &str = "/etc/systemd/system";

/// What is tried where the patterns leave it open.
const STEMS: [&str; 2] = ["mcp", "berth-mcp"];

/// A template and one unit of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The template: `mcp@.service`.
    pub template: String,
    /// The unit: `mcp@alice.service`.
    pub unit: String,
}

impl Names {
    /// Where the unit's own part lies.
    pub fn folder(&self) -> PathBuf {
        own_folder(&self.unit)
    }
}

/// Where a unit's own part lies.
pub fn own_folder(unit: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{unit}.d"))
}

/// The names under which the patterns that are looked for find an instance again, the best first.
pub fn names(patterns: &[String], id: &InstanceId) -> Vec<Names> {
    let told = patterns.iter().filter_map(|pattern| pattern.strip_suffix("@*.service")).filter(|stem| !stem.contains('*'));
    let mut found = Vec::new();
    for stem in told.chain(STEMS) {
        let names = Names { template: format!("{stem}@.service"), unit: format!("{stem}@{}.service", unit_part(id.owner())) };
        let first = patterns.iter().find(|pattern| fits(pattern, &names.unit));
        let is_it = first.is_some_and(|pattern| id_of(pattern, &names.unit).is_ok_and(|found| found == ManagedId::Named(id.clone())));
        if is_it && !found.contains(&names) {
            found.push(names);
        }
    }
    found
}

/// Has systemd read its units anew, and begin with this one at every boot.
///
/// # Errors
/// When there is no systemd, or it does not do it.
pub fn enable(unit: &str) -> Result<()> {
    once(unit, "EnableUnitFiles", async |connection| {
        call(connection, "Reload", &()).await?;
        call(connection, "EnableUnitFiles", &([unit].as_slice(), false, false)).await?;
        call(connection, "Reload", &()).await
    })
}

/// Has systemd no longer begin with this unit.
///
/// # Errors
/// As [`enable`].
pub fn disable(unit: &str) -> Result<()> {
    once(unit, "DisableUnitFiles", async |connection| call(connection, "DisableUnitFiles", &([unit].as_slice(), false)).await)
}

/// Has systemd read its units anew.
///
/// # Errors
/// As [`enable`].
pub fn reload() -> Result<()> {
    once("all units", "Reload", async |connection| call(connection, "Reload", &()).await)
}

async fn call<B: serde::Serialize + zbus::zvariant::DynamicType>(connection: &Connection, method: &str, body: &B) -> Result<(), Fault> {
    let (systemd, object) = (Some("org.freedesktop.systemd1"), "/org/freedesktop/systemd1");
    connection.call_method(systemd, object, Some("org.freedesktop.systemd1.Manager"), method, body).await?;
    Ok(())
}

fn once(unit: &str, what: &str, ask: impl AsyncFnOnce(&Connection) -> Result<(), Fault> + Send) -> Result<()> {
    if !Path::new(BOOTED).is_dir() {
        return Err(Error::failed("there is no systemd here"));
    }
    let asked = || {
        crate::failpoint::pass("berth-unit");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| Fault::Lost(error.to_string()))?;
        runtime.block_on(async {
            // Reading all units anew takes its time.
            let building = Builder::address(ADDRESS)?.method_timeout(DEADLINE * 6).build();
            let late = |_| Fault::Lost("the message bus does not answer".to_owned());
            let connection = tokio::time::timeout(DEADLINE, building).await.map_err(late)??;
            ask(&connection).await
        })
    };
    // On a thread of its own: whoever calls may be inside of a runtime.
    let came = std::thread::scope(|scope| {
        let asking = std::thread::Builder::new().name("berth-unit".to_owned());
        let asking = asking.spawn_scoped(scope, asked).map_err(|error| Fault::Lost(error.to_string()))?;
        asking.join().unwrap_or_else(|_| Err(Fault::Lost("the thread that asked has failed".to_owned())))
    });
    came.map_err(|fault| match fault {
        Fault::Refused(_, words) => Error::failed(format!("systemd does not do {what} of {unit}")).because(words),
        Fault::Lost(words) => Error::new(Kind::Timeout, format!("systemd cannot be asked for {what} of {unit}")).because(words),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_called_so_that_it_is_found_again_as_the_same_instance() {
        let of = |patterns: &[&str], id: &str| {
            let patterns: Vec<String> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            names(&patterns, &InstanceId::parse(id).unwrap()).into_iter().map(|names| names.unit).collect::<Vec<_>>()
        };
        assert_eq!(of(&["*mcp*.service"], "amy"), ["mcp@amy.service", "berth-mcp@amy.service"]);
        assert_eq!(of(&["tools@*.service"], "a@b"), [r"tools@a\x40b.service"]);
        assert_eq!(of(&["x.service", "mcp@*.service"], "amy"), ["mcp@amy.service"]);
        assert!(of(&["*mcp*.service"], "amy/two").is_empty() && of(&["mcp-*.service"], "amy").is_empty() && of(&[], "amy").is_empty());
    }
}
