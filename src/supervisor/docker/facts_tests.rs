//! What engines answer, made facts. What is here was answered by Podman 4.3 and Docker 28, shortened.

use super::*;

/// A container in this state.
pub fn container(name: &str, status: &str) -> Facts {
    let id = format!("{:0>64}", name.bytes().map(|byte| format!("{byte:x}")).collect::<String>());
    let told = format!(r#"{{"Id":"{id}","Name":"/{name}","State":{{"Status":"{status}"}}}}"#);
    facts(serde_json::from_str(&told).unwrap(), |_| (None, None)).unwrap()
}

const PODMAN: &str = r#"{"Id":"8337714007a80e5ea34f932cb5c72f0306815793f2fafc71bedb38c78f20165b","Created":"2026-11-22T03:04:25.25Z","Path":"/bin/sh",
"Args":["-c","exec httpd"],"State":{"Status":"running","Running":true,"OOMKilled":false,"Pid":2949,"ExitCode":0,
"StartedAt":"2026-11-22T03:04:25.913043045Z","FinishedAt":"0001-01-01T00:00:00Z","Health":{"Status":"","FailingStreak":0,"Log":null}},
"Name":"/mcp-alice","RestartCount":2,"HostConfig":{"NetworkMode":"bridge","PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8201"}]},
"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":0},"Memory":536870912,"NanoCpus":0,"CpuPeriod":100000,"CpuQuota":50000,"PidsLimit":2048},
"Config":{"User":"","Env":["MCP_API_KEY=secret","PORT=80"],"WorkingDir":"/srv","ExposedPorts":{"80/tcp":{}},
"Labels":{"berth.user":"alice","com.docker.compose.project":"shop","com.docker.compose.service":"web"},"StopTimeout":3},
"NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8201"}],"81/udp":[{"HostIp":"","HostPort":"9"}],"82/tcp":null}}}"#;

fn read(text: &str) -> Facts {
    let key = |pid| ProcessKey { pid, start_time: 7 };
    facts(serde_json::from_str(text).unwrap(), |pid| (Some(key(pid)), Some(key(pid - 1)))).unwrap()
}

#[test]
fn an_answer_becomes_facts() {
    let seen = read(PODMAN);
    assert_eq!((seen.name.as_str(), seen.activity(), seen.restarts), ("mcp-alice", Activity::Active, 2));
    assert_eq!((seen.main.map(|key| key.pid), seen.parent.map(|key| key.pid)), (Some(2949), Some(2948)));
    assert_eq!(seen.published, [Endpoint::new("127.0.0.1".parse().unwrap(), 8201)]);
    // The inner port is nobody's on the host.
    assert_eq!(seen.port, None);
    assert_eq!(seen.limits, Limits { memory_max: Some(512 << 20), cpu_max: Some(50), tasks_max: Some(2048) });
    assert_eq!((seen.owner.as_deref(), seen.project.as_deref(), seen.service.as_deref()), (Some("alice"), Some("shop"), Some("web")));
    assert_eq!((seen.restart, seen.stop_timeout, seen.last_exit()), (Restart::OnFailure, Duration::from_secs(3), None));
    assert_eq!((seen.command.join(" ").as_str(), seen.directory.as_str()), ("/bin/sh -c exec httpd", "/srv"));
}

#[test]
fn without_a_network_of_its_own_the_port_is_what_its_environment_says() {
    let seen = read(&PODMAN.replace("\"bridge\"", "\"host\""));
    assert_eq!(seen.port, Some(80));
}

#[test]
fn published_at_no_address_is_at_every_one() {
    let text =
        r#"{"80/tcp":[{"HostIp":"","HostPort":"8201"},{"HostIp":"::","HostPort":"8201"}],"81/tcp":[{"HostIp":"0.0.0.0","HostPort":"0"}]}"#;
    let all = endpoints(&serde_json::from_str(text).unwrap());
    assert_eq!(all.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0:8201", "[::]:8201"]);
}

#[test]
fn how_it_ended_says_whether_anybody_asked() {
    let ended = |code: i64, was_asked: bool, restart: Restart, is_out_of_memory: bool| {
        let at = Timestamp::UNIX_EPOCH;
        let seen = Facts { exit: Some((code, at)), was_asked, restart, is_out_of_memory, ..container("a", "exited") };
        (seen.activity(), seen.last_exit().unwrap().status, seen.result())
    };
    assert_eq!(ended(0, false, Restart::No, false), (Activity::Inactive, ExitStatus::Code(0), None));
    assert_eq!(ended(3, false, Restart::No, false), (Activity::Failed, ExitStatus::Code(3), Some("exit-code")));
    assert_eq!(ended(137, false, Restart::OnFailure, false).0, Activity::Failed);
    assert_eq!(ended(137, true, Restart::OnFailure, false), (Activity::Inactive, ExitStatus::Signal(9), None));
    assert_eq!(ended(143, false, Restart::No, false).0, Activity::Inactive);
    assert_eq!(ended(137, false, Restart::Always, false).0, Activity::Inactive);
    assert_eq!(ended(137, true, Restart::No, true), (Activity::Failed, ExitStatus::Signal(9), Some("oom-kill")));
}

#[test]
fn what_it_does_follows_from_its_status() {
    for (status, activity) in [
        ("created", Activity::Inactive),
        ("running", Activity::Active),
        ("paused", Activity::Active),
        ("restarting", Activity::Waiting),
        ("removing", Activity::Stopping),
        ("stopping", Activity::Stopping),
        ("exited", Activity::Inactive),
    ] {
        assert_eq!(container("a", status).activity(), activity, "{status}");
    }
    assert_eq!(container("a", "paused").result(), Some("paused"));
}

#[test]
fn names_that_are_none_are_no_containers() {
    for (id, name) in [("../../x", "a"), ("8337714007a8", "a b"), ("8337714007a8", "\u{1b}[2J"), ("8337714007a8", ""), ("", "a")] {
        let told = ContainerInspectResponse { id: Some(id.to_owned()), name: Some(name.to_owned()), ..Default::default() };
        assert_eq!(facts(told, |_| (None, None)), None, "{id} {name}");
    }
    assert!(is_id("8337714007a8") && !is_id("8337714007a8/json"));
}
