//! `berth port`: a number and nothing else, for scripts and for users who want to know their own.
//!
//! It must never print a number that is only likely: with several instances of one's own it asks which.

use serde_json::json;

use super::args::{Global, Port};
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use super::show::no_such;
use crate::domain::{Caller, Reading, Row, Snapshot, SupervisorKind};
use crate::error::{Error, Kind, Result};
use crate::present::json::SCHEMA;

/// Runs the command.
pub fn run(port: &Port, global: &Global, desk: &dyn Desk, out: &mut Out) -> std::result::Result<u8, Stop> {
    let snapshot = desk.glance()?;
    let row = match &port.id {
        Some(id) => snapshot.row(id).ok_or_else(|| no_such(id, &snapshot))?.as_ref(),
        None => own(&snapshot, &desk.door().caller(), "berth port")?,
    };
    let Some(number) = row.port else { return Err(unknown(row).into()) };
    if global.json {
        out.json(&json!({ "schema": SCHEMA, "id": row.id.to_string(), "port": number }))?;
    } else {
        out.text(&format!("{number}\n"))?;
    }
    Ok(0)
}

/// That an instance has no port, or none that this caller may know.
pub fn unknown(row: &Row) -> Error {
    let why = if row.own_port() == Reading::Denied {
        "its files may not be read by this account"
    } else {
        "its configuration names none that can be read"
    };
    Error::failed(format!("{}'s port is not known: {why}", row.id)).hint(format!("berth show {}", row.id))
}

/// The caller's own instance: of the owner of that name, whatever account it runs as, else the one that runs as this account; of
/// several, the unnamed one of the owner. `command` is how the caller names another.
pub fn own<'a>(snapshot: &'a Snapshot, caller: &Caller, command: &str) -> Result<&'a Row> {
    let those = |mine: &dyn Fn(&Row) -> bool| -> Vec<&Row> {
        snapshot.rows.iter().map(AsRef::as_ref).filter(|row| row.supervisor != SupervisorKind::None && mine(row)).collect()
    };
    let mut own = those(&|row| row.id.owner() == caller.name.as_str());
    if own.is_empty() {
        own = those(&|row| row.uid == caller.uid);
    }
    match own.as_slice() {
        [] => {
            Err(Error::new(Kind::NoSuchInstance, format!("{} has no instance", caller.name)).hint("berth ls    lists those that there are"))
        }
        [row] => Ok(row),
        several => {
            if let Some(row) = several.iter().find(|row| row.id.to_string() == caller.name.as_str()) {
                return Ok(row);
            }
            let ids: Vec<String> = several.iter().map(|row| row.id.to_string()).collect();
            Err(Error::new(Kind::Usage, format!("{} has {} instances", caller.name, ids.len()))
                .hint(format!("{command} {}    names one", ids.join(" | "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};
    use crate::domain::Uid;

    fn port_of(id: Option<&str>, uid: u32, name: &str, words: &str) -> std::result::Result<String, u8> {
        let mut desk = FakeDesk::new(fleet::fleet());
        desk.set_caller(Uid(uid), name);
        let (mut out, text) = written();
        match run(&Port { id: id.map(fleet::id) }, &global(words), &desk, &mut out) {
            Ok(_) => Ok(text()),
            Err(stop) => Err(stop.tell()),
        }
    }

    #[test]
    fn just_the_number() {
        assert_eq!(port_of(Some("carol"), 0, "root", ""), Ok("8107\n".into()));
        assert_eq!(port_of(Some("bob/tools"), 0, "root", "--json"), Ok("{\"schema\":1,\"id\":\"bob/tools\",\"port\":8102}\n".into()));
        assert_eq!(port_of(Some("zoe"), 0, "root", ""), Err(4));
    }

    #[test]
    fn ones_own() {
        assert_eq!(port_of(None, 1001, "alice", ""), Ok("8101\n".into()));
        assert_eq!(port_of(None, 0, "root", ""), Err(4));
        // Bob's listener outside berth is no instance of his.
        assert_eq!(port_of(None, 1002, "bob", ""), Ok("8102\n".into()));
    }

    #[test]
    fn of_several_the_unnamed_one_or_a_question() {
        let mut snapshot = fleet::fleet();
        for row in &mut snapshot.rows {
            let mut changed = (**row).clone();
            changed.uid = Uid(500);
            *row = changed.into();
        }
        let caller = |name: &str| {
            let mut desk = FakeDesk::new(fleet::fleet());
            desk.set_caller(Uid(500), name);
            desk.door().caller()
        };
        assert_eq!(own(&snapshot, &caller("dave"), "berth port").unwrap().port, Some(8104));
        let error = own(&snapshot, &caller("service"), "berth port").unwrap_err();
        assert_eq!((error.exit_code(), error.way_out().unwrap().contains("alice | bob/tools")), (2, true));
        // All run as one service account: the owner's name still says whose is whose.
        let mut gina = caller("gina");
        gina.uid = Uid(1007);
        assert_eq!(own(&snapshot, &gina, "berth port").unwrap().port, Some(8108));
    }
}
