//! Services that are configured instances at the same time, seen by their processes: the service's own hold the instance's port, or name
//! its configuration.
//!
//! It must never take one account's service for another's instance, nor guess between two: then both rows stay.

use std::collections::HashMap;

use crate::domain::{Endpoint, Row, Snapshot, SupervisorKind, Twin, named_configs};

/// Those of them that a picture shows as two rows.
pub fn twins(snapshot: &Snapshot) -> Vec<Twin> {
    let services: Vec<&Row> = snapshot.rows.iter().map(|row| &**row).filter(|row| is_bare(row) && row.main.known().is_some()).collect();
    if services.is_empty() {
        return Vec::new();
    }
    let configured = || snapshot.rows.iter().map(|row| &**row).filter(|row| is_idle(row));
    let mut by_port: HashMap<u16, Vec<&Row>> = HashMap::new();
    let mut by_config: HashMap<&str, &Row> = HashMap::new();
    for row in configured() {
        if let Some(port) = row.port {
            by_port.entry(port).or_default().push(row);
        }
        if let Some(config) = row.declared.as_ref().and_then(|declared| declared.config.to_str()) {
            by_config.insert(config, row);
        }
    }
    let mut found: Vec<(&Row, &Row)> = Vec::new();
    for service in services {
        let named = service.processes.iter().flat_map(|process| named_configs(process.command.as_str().split(' ')));
        let mut fitting: Vec<&Row> = named.filter_map(|path| by_config.get(path).copied()).collect();
        if fitting.is_empty() {
            let heard = |(endpoint, _): &(Endpoint, _)| by_port.get(&endpoint.port).map_or(&[][..], Vec::as_slice).iter().copied();
            let is_there = |row: &&Row| service.listening.iter().any(|(endpoint, _)| is_meant(row, *endpoint));
            fitting = service.listening.iter().flat_map(heard).filter(is_there).collect();
        }
        fitting.retain(|row| is_kin(service, row));
        fitting.sort_unstable_by(|one, two| one.id.cmp(&two.id));
        fitting.dedup_by(|one, two| one.id == two.id);
        if let [only] = fitting.as_slice() {
            found.push((service, only));
        }
    }
    // Of several services that could be one instance none is it.
    let is_only = |of: &Row| found.iter().filter(|(_, row)| row.id == of.id).count() == 1;
    found.iter().filter(|(_, row)| is_only(row)).filter_map(|(service, row)| twin(service, row)).collect()
}

fn twin(service: &Row, row: &Row) -> Option<Twin> {
    let unit = service.declared.as_ref()?.unit.as_ref()?;
    let port = row.declared.as_ref().and_then(|declared| declared.port);
    Some(Twin { kind: service.supervisor, service: unit.name.clone(), id: row.id.clone(), port })
}

/// A service that no configuration declares.
fn is_bare(row: &Row) -> bool {
    row.declared.as_ref().and_then(|declared| declared.unit.as_ref()).is_some_and(|unit| unit.is_bare)
}

/// A configured instance of which nothing runs that is its own.
fn is_idle(row: &Row) -> bool {
    row.supervisor == SupervisorKind::Process && row.declared.is_some() && row.keeper.is_none() && row.processes.is_empty()
}

/// Whether one may be the other: of one account, and of one owner unless only the account owns the service.
fn is_kin(service: &Row, row: &Row) -> bool {
    service.uid == row.uid && (service.id.owner() == row.id.owner() || service.id.owner() == service.user.as_str())
}

/// Whether an instance is meant to listen there. An address that is not known could be any.
fn is_meant(row: &Row, endpoint: Endpoint) -> bool {
    row.port == Some(endpoint.port) && row.host.is_none_or(|host| Endpoint::new(host, endpoint.port).overlaps(&endpoint))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Activity, Limits, Service, Unit};
    use crate::judge::testing::{Host, Make, key};

    /// A service whose process has this pid.
    fn serve<'a>(host: &'a mut Host, name: &str, pid: i32, uid: u32, command: &str) -> &'a mut Host {
        host.declare(name, uid, "-:-").process(pid, 1, uid, command);
        host.redeclare(name, |declared| {
            declared.supervisor = SupervisorKind::Systemd;
            declared.unit = Some(Unit { name: "mcp-files.service".into(), is_users: false, is_bare: true, further_logs: Vec::new() });
        });
        let service = Service {
            name: "mcp-files.service".into(),
            activity: Activity::Active,
            told: "active (running)".into(),
            result: None,
            since: None,
            group: None,
            project: None,
            limits: Limits::default(),
            unanswered: None,
        };
        let claim = host.claim(name);
        (claim.main, claim.service) = (Some(key(pid)), Some(Arc::new(service)));
        host
    }

    #[test]
    fn which_service_is_which_configured_instance() {
        let cases: &[(&str, Make, &[&str])] = &[
            (
                "it holds the configured port",
                |host| {
                    serve(host.declare("alice", 1001, "127.0.0.1:8101"), "alice/mcp-files", 20, 1001, "node x.js")
                        .listen(20, "127.0.0.1:8101")
                },
                &["alice 8101"],
            ),
            (
                "at another address it is somebody else's business",
                |host| {
                    serve(host.declare("alice", 1001, "127.0.0.1:8101"), "alice/mcp-files", 20, 1001, "node x.js")
                        .listen(20, "127.0.0.2:8101")
                },
                &[],
            ),
            (
                "its child holds it",
                |host| {
                    serve(host.declare("alice", 1001, "0.0.0.0:8101"), "alice/mcp-files", 20, 1001, "sh -c run").process(
                        21,
                        20,
                        1001,
                        "node x.js",
                    );
                    host.listen(21, "127.0.0.1:8101")
                },
                &["alice 8101"],
            ),
            (
                "it names the configuration and listens on nothing yet",
                |host| {
                    serve(
                        host.declare("alice", 1001, "127.0.0.1:8101"),
                        "alice/mcp-files",
                        20,
                        1001,
                        "node x.js --config=/opt/alice/config.json",
                    )
                },
                &["alice 8101"],
            ),
            (
                "a bare path names nothing",
                |host| serve(host.declare("alice", 1001, "127.0.0.1:8101"), "alice/mcp-files", 20, 1001, "less /opt/alice/config.json"),
                &[],
            ),
            (
                "another account's service on the port is in its way",
                |host| {
                    serve(host.declare("alice", 1001, "127.0.0.1:8101"), "bob/mcp-files", 20, 1002, "node x.js")
                        .listen(20, "127.0.0.1:8101")
                },
                &[],
            ),
            (
                "under a service account another owner's service is in its way",
                |host| serve(host.declare("alice", 900, "127.0.0.1:8101"), "bob", 20, 900, "node x.js").listen(20, "127.0.0.1:8101"),
                &[],
            ),
            (
                "under a service account a service that names no owner is whose port it holds",
                |host| {
                    serve(host.declare("alice", 900, "127.0.0.1:8101"), "svc/mcp-files", 20, 900, "node x.js").listen(20, "127.0.0.1:8101")
                },
                &["alice 8101"],
            ),
            (
                "whoever runs by berth's keeper is no service",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8101").keep("alice", 30, None);
                    serve(host, "alice/mcp-files", 20, 1001, "node x.js").listen(20, "127.0.0.1:8101")
                },
                &[],
            ),
            (
                "between two that fit nothing is guessed",
                |host| {
                    host.declare("alice", 1001, "127.0.0.1:8101").declare("alice/two", 1001, "127.0.0.1:8101");
                    serve(host, "alice/mcp-files", 20, 1001, "node x.js").listen(20, "127.0.0.1:8101")
                },
                &[],
            ),
            (
                "nor between two services",
                |host| {
                    serve(host.declare("alice", 1001, "0.0.0.0:8101"), "alice/one", 20, 1001, "node x.js").listen(20, "127.0.0.1:8101");
                    serve(host, "alice/two", 30, 1001, "node x.js").listen(30, "127.0.0.2:8101")
                },
                &[],
            ),
        ];
        for (what, make, expected) in cases {
            let mut host = Host::new();
            let snapshot = make(&mut host).judge();
            let found: Vec<String> = twins(&snapshot).iter().map(|twin| format!("{} {}", twin.id, twin.port.unwrap_or(0))).collect();
            assert_eq!(found, *expected, "{what}");
        }
    }
}
