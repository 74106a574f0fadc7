//! What the daemons say of the instances that are their apps: finds for the roster, claims for the judge. Pure.
//!
//! It must never ask anybody: what is known is handed in. Which process is whose says the uid, which the judge looks at.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::app::{App, Status};
use super::state::{Daemon, State};
use crate::domain::{
    Activity, Claim, ConfigFault, Declared, Finds, InstanceId, LastExit, Limits, Managed, ManagedId, ProcessKey, Restart, Roster, Service,
    Shown, SupervisorKind,
};

/// How long a start may take until its port is listened on, beyond what PM2 waits itself.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The result by which the judge knows who ended too often and is left alone; systemd has a word for it.
const GIVEN_UP: &str = "start-limit-hit";

/// The result of what ended with its daemon.
const DAEMON_GONE: &str = "daemon-gone";

/// The services of these daemons.
pub fn finds(state: &State) -> Finds {
    let mut finds = Finds::default();
    for (place, _, app) in state.apps() {
        // Only to be told of a name that is none while the app is at hand.
        if let Err(fault) = InstanceId::new("x", &app.name) {
            let reason = Shown::new(&format!("the name of this PM2 app is no name for an instance: {fault}"));
            finds.faults.push(ConfigFault { file: Shown::new(&app.name), line: None, column: None, reason, denied: false });
            continue;
        }
        finds.services.push(Managed {
            id: ManagedId::OfAccount(app.name.clone()),
            kind: SupervisorKind::Pm2,
            name: Shown::new(&app.name),
            account: app.uid.unwrap_or(place.uid.0).to_string(),
            is_users: true,
            definition: app.script.clone(),
            command: app.command.clone(),
            directory: app.directory.clone(),
            host: None,
            port: app.port,
            start_timeout: START_TIMEOUT.max(app.ready_timeout),
            stop_timeout: app.stop_timeout,
            restart: if app.restarts_itself { Restart::Always } else { Restart::No },
            // PM2 looks at the memory now and then, and holds nobody to anything.
            limits: Limits::default(),
            logs: app.logs.clone(),
        });
    }
    finds
}

/// A claim for each instance that is an app.
pub fn claims(roster: &Roster, state: &State) -> Arc<[Claim]> {
    let mut apps: HashMap<(u32, &str), (&Daemon, &App)> = HashMap::new();
    for (place, daemon, app) in state.apps() {
        // As in the roster: of two of one name the first counts.
        apps.entry((app.uid.unwrap_or(place.uid.0), app.name.as_str())).or_insert((daemon, app));
    }
    let own = roster.instances.iter().filter(|declared| declared.supervisor == SupervisorKind::Pm2);
    own.map(|declared| claim(declared, &apps)).collect()
}

fn claim(declared: &Declared, apps: &HashMap<(u32, &str), (&Daemon, &App)>) -> Claim {
    let known = declared.unit.as_ref().and_then(|unit| apps.get(&(declared.uid.0, unit.name.as_str())));
    let Some((daemon, app)) = known else { return Claim::nothing(declared.id.clone(), false) };
    let activity = app.activity();
    let keys: Vec<ProcessKey> = app.keys().collect();
    let up = app.workers.iter().filter(|worker| worker.key.is_some());
    Claim {
        main: keys.first().copied(),
        others: keys.get(1..).unwrap_or_default().into(),
        publisher: (app.is_cluster && !daemon.has_ended).then_some(daemon.key),
        wished_up: Some(!matches!(activity, Activity::Inactive | Activity::Stopping)),
        exit: exit(app).filter(|_| keys.is_empty()),
        started_at: up.filter_map(|worker| worker.started_at).min(),
        restarts: app.restarts(),
        service: Some(Arc::new(service(daemon, app, activity))),
        ..Claim::nothing(declared.id.clone(), false)
    }
}

/// How it ended: PM2 tells a code and not when, which is only known of what ended as soon as it was started.
fn exit(app: &App) -> Option<LastExit> {
    let ended = app.workers.iter().filter(|worker| worker.is_given_up || worker.status == Status::Waiting);
    ended
        .filter_map(|worker| Some((worker.started_at?, worker.exit_code.filter(|code| *code != 0)?)))
        .next_back()
        .map(|(at, code)| LastExit { status: crate::domain::ExitStatus::Code(code), at, over_memory: None })
}

fn service(daemon: &Daemon, app: &App, activity: Activity) -> Service {
    let account = &daemon.account;
    // With its daemon gone nobody starts it again, and what the kernel shows is all there is.
    let is_over = daemon.has_ended && app.keys().next().is_none() && activity != Activity::Inactive;
    let unanswered = daemon.lost.as_ref().filter(|_| !daemon.has_ended || app.keys().next().is_some());
    Service {
        name: Shown::new(&app.name),
        activity: if is_over { Activity::Failed } else { activity },
        told: Shown::new(&told(app)),
        result: if is_over { Some(Shown::new(DAEMON_GONE)) } else { result(app) },
        since: None,
        group: None,
        project: None,
        limits: Limits::default(),
        unanswered: unanswered.map(|(since, why)| (*since, Shown::new(&format!("PM2 of {account} cannot be asked ({why})")))),
    }
}

/// What PM2 says of it, in a line.
fn told(app: &App) -> String {
    let mut states: Vec<(Status, usize)> = Vec::new();
    for worker in &app.workers {
        match states.iter_mut().find(|(status, _)| *status == worker.status) {
            Some((_, count)) => *count += 1,
            None => states.push((worker.status, 1)),
        }
    }
    let states: Vec<String> = match states.as_slice() {
        [(status, _)] => vec![status.word().to_owned()],
        several => several.iter().map(|(status, count)| format!("{count} {}", status.word())).collect(),
    };
    let ids: Vec<String> = app.workers.iter().map(|worker| worker.id.to_string()).collect();
    let mode = if app.is_cluster { format!("cluster of {}, their port is held by PM2", app.workers.len()) } else { "fork".to_owned() };
    let above = app.restart_above.map(|bytes| format!(", started again above {} MiB", bytes >> 20)).unwrap_or_default();
    format!("{} ({mode}, id {}{above})", states.join(", "), ids.join(" "))
}

fn result(app: &App) -> Option<Shown> {
    if app.workers.iter().any(|worker| worker.is_given_up) {
        return Some(Shown::new(GIVEN_UP));
    }
    let is_errored = app.workers.iter().any(|worker| worker.status == Status::Errored);
    let code = app.failed_code().map(|code| Shown::new(&format!("it exited with code {code}")));
    code.or_else(|| is_errored.then(|| Shown::new("it could not be run or ended")))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::app::tests::app;
    use super::super::find::Place;
    use super::*;
    use crate::domain::Uid;

    fn daemon(apps: Vec<App>) -> Daemon {
        Daemon {
            account: "amy".into(),
            key: ProcessKey { pid: 77, start_time: 7 },
            apps: apps.into_iter().map(Arc::new).collect(),
            lost: None,
            has_ended: false,
            is_asked: true,
        }
    }

    fn state(daemons: impl IntoIterator<Item = (u32, Daemon)>) -> State {
        let place = |uid| Place { uid: Uid(uid), home: "/home/x/.pm2".into() };
        State { serial: 1, daemons: daemons.into_iter().map(|(uid, daemon)| (place(uid), daemon)).collect() }
    }

    #[test]
    fn an_app_is_its_accounts_and_a_name_that_is_none_is_told() {
        let apps = ["mcp", "my mcp", "../mcp"].map(|name| app(name, r#""status":"online""#)).to_vec();
        let found = finds(&state([(1001, daemon(apps))]));
        assert_eq!((found.services.len(), found.faults.len()), (1, 2));
        assert_eq!(found.services[0].id, ManagedId::OfAccount("mcp".into()));
        assert_eq!((found.services[0].account.as_str(), found.services[0].kind), ("1001", SupervisorKind::Pm2));
    }

    #[test]
    fn f19_what_a_lost_daemon_said_is_old_and_what_the_kernel_shows_is_true() {
        let online = app("mcp", r#""status":"online","exec_mode":"fork_mode""#);
        let mut lost = daemon(vec![online.clone()]);
        lost.lost = Some((Timestamp::UNIX_EPOCH, "it does not answer".into()));
        let of = |daemon: &Daemon| service(daemon, &daemon.apps[0], daemon.apps[0].activity());
        assert_eq!(of(&lost).unanswered.unwrap().1.as_str(), "PM2 of amy cannot be asked (it does not answer)");
        lost.has_ended = true;
        assert!(of(&lost).unanswered.is_some(), "its process runs, and who would know of it has gone");
        lost.apps = vec![Arc::new(online.alive(|_| false))];
        let over = of(&lost);
        assert_eq!((over.activity, over.result.as_ref().map(Shown::as_str)), (Activity::Failed, Some(DAEMON_GONE)));
        assert_eq!(over.unanswered, None);
        lost.apps = vec![Arc::new(app("mcp", r#""status":"stopped""#).alive(|_| false))];
        assert_eq!((of(&lost).activity, of(&lost).unanswered), (Activity::Inactive, None), "it was stopped before");
    }

    #[test]
    fn pm2s_own_words_are_told() {
        let fork = app("mcp", r#""status":"online","exec_mode":"fork_mode","max_memory_restart":314572800"#);
        assert_eq!(told(&fork), "online (fork, id 0, started again above 300 MiB)");
        let mut cluster = app("mcp", r#""status":"online","exec_mode":"cluster_mode""#);
        let mut second = cluster.workers[0].clone();
        (second.id, second.status) = (3, Status::Errored);
        cluster.workers.push(second);
        assert_eq!(told(&cluster), "1 online, 1 errored (cluster of 2, their port is held by PM2, id 0 3)");
        assert_eq!(result(&cluster).unwrap().as_str(), "it could not be run or ended");
        let failed = app("mcp", r#""status":"stopped","autorestart":false,"exit_code":3"#);
        assert_eq!(result(&failed).unwrap().as_str(), "it exited with code 3");
    }
}
