//! What daemons tell, and the apps that it makes.
//!
//! It must never need a daemon.

use super::*;

/// A process of which a daemon tells this.
fn told(id: u64, name: &str, further: &str) -> String {
    let pid = 1000 + id;
    format!(
        r#"{{"pid":{pid},"name":"{name}","pm_id":{id},"monit":{{"cpu":0}},"pm2_env":{{"pm_exec_path":"/srv/mcp/index.js","pm_cwd":"/srv/mcp",
        "exec_interpreter":"node","node_args":["--no-warnings"],"args":["streamableHttp"],{further}}}}}"#
    )
}

/// The apps that these are.
fn read(told: &[String]) -> Vec<Arc<App>> {
    let told: Few<Told> = serde_json::from_str(&format!("[{}]", told.join(","))).unwrap();
    apps(&told.0, |_| true, |pid| Some(ProcessKey { pid, start_time: 7 }))
}

/// An app of one process.
pub fn app(name: &str, further: &str) -> App {
    (*read(&[told(0, name, further)])[0]).clone()
}

fn names(apps: &[Arc<App>]) -> Vec<(&str, Vec<u64>)> {
    apps.iter().map(|app| (app.name.as_str(), app.workers.iter().map(|worker| worker.id).collect())).collect()
}

#[test]
fn what_is_told_becomes_an_app_and_nothing_else_is_kept() {
    let told = app(
        "sdp-mcp",
        r#""status":"online","exec_mode":"fork_mode","restart_time":3,"exit_code":1,"pm_uptime":1700000000000,"autorestart":true,
        "kill_timeout":5000,"max_memory_restart":314572800,"pm_out_log_path":"/h/.pm2/logs/a-out.log","pm_err_log_path":"/h/.pm2/logs/a-error.log",
        "env":{"MCP_API_KEY":"secret","PORT":"8101"},"MCP_API_KEY":"secret""#,
    );
    let worker = &told.workers[0];
    assert_eq!((worker.status, worker.restarts, worker.exit_code), (Status::Online, 3, Some(1)));
    assert_eq!(worker.key, Some(ProcessKey { pid: 1000, start_time: 7 }));
    assert_eq!(worker.started_at.map(Timestamp::as_second), Some(1_700_000_000));
    assert_eq!((told.port, told.restart_above, told.restarts_itself), (Some(8101), Some(300 << 20), true));
    assert_eq!(told.command.join(" "), "node --no-warnings /srv/mcp/index.js streamableHttp");
    assert_eq!((told.stop_timeout, told.ready_timeout), (Duration::from_secs(5), LISTEN_TIMEOUT));
    assert_eq!(told.logs, ["/h/.pm2/logs/a-out.log", "/h/.pm2/logs/a-error.log"].map(PathBuf::from));
    assert!(!format!("{told:?}").contains("secret"));
}

#[test]
fn what_is_missing_or_of_another_type_hides_nothing_else() {
    let told = app("a", r#""status":["x"],"restart_time":-1,"env":{"PORT":{}},"uid":"0x","pm_out_log_path":"relative""#);
    assert_eq!((told.workers[0].status, told.restarts(), told.port, told.uid), (Status::Other, 0, None, None));
    assert!(told.logs.is_empty());
    assert!(read(&[r#"{"name":"a"}"#.into(), r#"{"pm_id":1}"#.into(), "{}".into()]).is_empty(), "no name, no number");
    assert!(read(&[r#"{"pm_id":"_old_1","name":"a"}"#.into()]).is_empty(), "what is being replaced");
    assert!(read(&[told_module()]).is_empty(), "a module of PM2's own");
}

fn told_module() -> String {
    told(1, "pm2-logrotate-mcp", r#""status":"online","pmx_module":true"#)
}

#[test]
fn workers_are_one_app_and_others_of_its_name_have_names_that_stay() {
    let cluster = |id, number: u64| told(id, "mcp", &format!(r#""exec_mode":"cluster_mode","NODE_APP_INSTANCE":{number}"#));
    let fork = |id, number: &str| told(id, "mcp", &format!(r#""exec_mode":"fork_mode"{number}"#));
    assert_eq!(names(&read(&[cluster(4, 1), cluster(2, 0)])), [("mcp", vec![2, 4])]);
    let numbered = |number: u64| format!(r#","NODE_APP_INSTANCE":{number}"#);
    let three = [fork(0, &numbered(0)), fork(1, &numbered(1)), fork(2, &numbered(2))];
    assert_eq!(names(&read(&three)), [("mcp", vec![0]), ("mcp.1", vec![1]), ("mcp.2", vec![2])]);
    assert_eq!(names(&read(&three[1..])), [("mcp.1", vec![1]), ("mcp.2", vec![2])], "nobody inherits a name");
    assert_eq!(names(&read(&[fork(7, ""), fork(3, "")])), [("mcp", vec![3]), ("mcp.id7", vec![7])]);
    assert_eq!(names(&read(&[fork(7, ""), cluster(9, 0)])), [("mcp", vec![9]), ("mcp.id7", vec![7])]);
    let beside = [fork(0, &numbered(0)), fork(1, &numbered(1)), told(2, "mcp.1", "\"x\":1")];
    assert_eq!(names(&read(&beside)), [("mcp", vec![0]), ("mcp.id1", vec![1]), ("mcp.1", vec![2])]);
}

#[test]
fn what_an_app_does_follows_from_its_workers() {
    for (further, activity) in [
        (r#""status":"online""#, Activity::Active),
        (r#""status":"launching""#, Activity::Starting),
        (r#""status":"one-launch-status""#, Activity::Starting),
        (r#""status":"stopping""#, Activity::Stopping),
        (r#""status":"waiting restart""#, Activity::Waiting),
        (r#""status":"errored""#, Activity::Failed),
        (r#""status":"stopped""#, Activity::Inactive),
        (r#""status":"stopped","exit_code":1"#, Activity::Inactive),
        (r#""status":"stopped","exit_code":1,"autorestart":false"#, Activity::Failed),
        (r#""status":"stopped","exit_code":0,"autorestart":"false""#, Activity::Inactive),
        (r#""status":"what""#, Activity::Inactive),
    ] {
        assert_eq!(app("a", further).activity(), activity, "{further}");
    }
    let worker = |id, status: &str| told(id, "a", &format!(r#""exec_mode":"cluster_mode","status":"{status}""#));
    let one_of_two = read(&[worker(0, "errored"), worker(1, "online")]);
    assert_eq!(one_of_two[0].activity(), Activity::Active);
}

#[test]
fn who_ended_too_often_is_told_from_who_could_not_be_run() {
    let given_up = |created: &str| app("a", &format!(r#""status":"errored","created_at":{created}"#)).workers[0].is_given_up;
    assert!(!given_up("5") && given_up("null"));
}
