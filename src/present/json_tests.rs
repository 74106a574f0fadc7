//! The documents, key by key.

use super::*;
use crate::present::{fleet, ports as map};

/// One line a value, so that a changed key is seen at a glance.
fn lines(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn of(name: &str) -> Value {
    instance(fleet::fleet().row(&fleet::id(name)).unwrap())
}

#[test]
fn a_running_instance() {
    insta::assert_snapshot!(lines(&of("alice")), @r#"
    {
      "id": "alice",
      "owner": "alice",
      "name": "default",
      "user": "alice",
      "uid": 1001,
      "supervisor": "process",
      "state": "running",
      "wish": "up",
      "port": 8101,
      "listening": [
        {
          "address": "127.0.0.1",
          "port": 8101,
          "pid": 2211
        }
      ],
      "pid": 2211,
      "started_at": "2026-11-17T01:12:04.120Z",
      "cpu_percent": 12.4,
      "memory_bytes": 87136665,
      "tasks": 11,
      "open_files": 27,
      "restarts": 0,
      "health": {
        "state": "healthy",
        "latency_ms": 3,
        "checked_at": "2026-11-21T03:12:02.000Z",
        "server": null
      },
      "exit": null,
      "unknown": {},
      "findings": []
    }
    "#);
}

#[test]
fn a_crashed_instance() {
    insta::assert_snapshot!(serde_json::to_string(&of("carol")).unwrap(), @r#"{"id":"carol","owner":"carol","name":"default","user":"carol","uid":1003,"supervisor":"process","state":"crashed","wish":"up","port":8107,"listening":[],"pid":null,"started_at":null,"cpu_percent":null,"memory_bytes":null,"tasks":null,"open_files":null,"restarts":3,"health":{"state":"unknown","latency_ms":null,"checked_at":null,"server":null},"exit":{"code":1,"signal":null,"at":"2026-11-21T03:11:58.004Z","over_memory":null},"unknown":{},"findings":["port-taken"]}"#);
}

#[test]
fn an_instance_that_may_not_be_seen() {
    insta::assert_snapshot!(lines(&of("frank")["unknown"]), @r#"
    {
      "state": "processes of frank may not be seen (hidepid)",
      "wish": "denied",
      "restarts": "denied",
      "listening": "denied",
      "started_at": "denied",
      "exit": "denied",
      "pid": "denied",
      "cpu_percent": "denied",
      "memory_bytes": "denied",
      "tasks": "denied",
      "open_files": "denied"
    }
    "#);
    assert_eq!(of("frank")["wish"], Value::Null);
    assert_eq!(of("erin")["unknown"], json!({ "cpu_percent": "not asked" }));
}

#[test]
fn an_unmanaged_listener() {
    let value = of("bob/:8190");
    assert_eq!((&value["id"], &value["owner"], &value["name"]), (&json!("bob/:8190"), &json!("bob"), &json!(":8190")));
    assert_eq!((&value["supervisor"], &value["wish"], &value["state"]), (&json!("none"), &json!("none"), &json!("running")));
}

#[test]
fn what_surrounds_the_instances() {
    let mut value = ls(&fleet::fleet());
    assert_eq!(value["instances"].as_array().unwrap().len(), 9);
    value["instances"] = json!([]);
    insta::assert_snapshot!(serde_json::to_string(&value).unwrap(), @r#"{"schema":1,"host":"mcp-3","taken_at":"2026-11-21T03:12:04.120Z","range":{"first":8080,"last":9080},"instances":[],"findings":[{"code":"port-taken","level":"error","instances":["carol"],"port":8107,"pids":[4711],"since":"2026-11-21T03:09:41.004Z","evidence":"8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it","remedies":["reassign"]},{"code":"config-invalid","level":"error","instances":["hank"],"port":8109,"pids":[],"since":"2026-11-21T03:12:04.120Z","evidence":"/opt/mcp-server/users/hank/config/config.json:3:7: expected `,` or `}`","remedies":["edit-config"]},{"code":"port-stranger","level":"warning","instances":["bob/:8190"],"port":8190,"pids":[4800],"since":"2026-11-21T03:02:04.000Z","evidence":"8190 is listened on by pid 4800 (nc, bob), since 03:02:04; it belongs to no instance","remedies":["stop-holder"]}],"totals":{"instances":8,"running":2,"conflicts":1,"findings":{"error":2,"warning":1,"note":0}}}"#);
}

#[test]
fn show_check_and_ports() {
    let snapshot = fleet::fleet();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&show(&snapshot.rows[0], &snapshot, true)), "schema instance");
    assert_eq!(keys(&check(&snapshot)), "schema findings");
    let range = PortRange { first: 8107, last: 8110 };
    insta::assert_snapshot!(serde_json::to_string(&ports(range, &map::ports(&snapshot, range, &[]))).unwrap(), @r#"{"schema":1,"range":{"first":8107,"last":8110},"ports":[{"port":8107,"state":"conflict","instance":"carol","pid":4711,"uid":1002,"command":"python3","listeners":[{"address":"127.0.0.1","port":8107,"pid":4711}],"assigned_at":null,"assigned_by":null,"quarantine":null},{"port":8108,"state":"listening","instance":"gina","pid":7340,"uid":1007,"command":"node","listeners":[{"address":"127.0.0.1","port":8108,"pid":7340}],"assigned_at":null,"assigned_by":null,"quarantine":null},{"port":8109,"state":"assigned","instance":"hank","pid":null,"uid":null,"command":null,"listeners":[],"assigned_at":null,"assigned_by":null,"quarantine":null},{"port":8110,"state":"free","instance":null,"pid":null,"uid":null,"command":null,"listeners":[],"assigned_at":null,"assigned_by":null,"quarantine":null}]}"#);
}

#[test]
fn times_have_milliseconds_and_percents_one_decimal() {
    assert_eq!(timestamp("2026-11-21T03:12:04Z".parse().unwrap()), "2026-11-21T03:12:04.000Z");
    assert_eq!(timestamp("2026-11-21T03:12:04.123456789Z".parse().unwrap()), "2026-11-21T03:12:04.123Z");
    assert_eq!(json!(one_decimal(3.94)).to_string(), "3.9");
    assert_eq!(json!(one_decimal(0.0)).to_string(), "0.0");
}
