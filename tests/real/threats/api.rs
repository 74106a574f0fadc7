//! The daemon's answers held against its own OpenAPI document by Python's JSON Schema validator; and what who leaves the admins' group may.
//!
//! It must never share code with what makes the document.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::socket::{Served, as_user, host};
use crate::api::{Events, ask, connect, get, until};
use crate::parts;

/// Nothing may stand in an answer of which the document says nothing: each form is closed first.
const VALIDATE: &str = r##"
import json, sys
from jsonschema import Draft202012Validator

told = json.load(sys.stdin)
document, wrong = told["document"], []

def close(form):
    if isinstance(form, dict):
        if "properties" in form:
            form.setdefault("additionalProperties", False)
        for value in form.values():
            close(value)
    elif isinstance(form, list):
        for value in form:
            close(value)

close(document["components"]["schemas"])
for form in document["components"]["schemas"].values():
    Draft202012Validator.check_schema(form)
for case in told["cases"]:
    form = dict(case["form"], components=document["components"])
    for error in Draft202012Validator(form).iter_errors(case["value"]):
        wrong.append("%s: %s: %s" % (case["what"], error.json_path, error.message[:300]))
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
"##;

/// The form of what is answered there, references of answers followed.
fn form(document: &Value, method: &str, path: &str, status: u16, media: &str) -> Value {
    let mut answer = &document["paths"][path][method]["responses"][status.to_string()];
    if let Some(place) = answer["$ref"].as_str() {
        answer = document.pointer(place.strip_prefix('#').unwrap()).unwrap();
    }
    let content = &answer["content"][media];
    assert!(content.is_object(), "{method} {path} {status}: {media} is not told");
    content.clone()
}

#[test]
fn what_is_answered_has_the_form_that_the_document_tells() {
    let Some(()) = parts::root() else { return };
    let Some(packages) = parts::python("mcp") else { return };
    let (host, _admin) = host();
    let [alice, bob] = &host.owners[..] else { panic!("two owners") };
    let served = Served::on(&host);
    let socket = &served.1;
    let document = get(socket, "/v1/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    let mut cases = Vec::new();
    let mut streams: Vec<(&str, Events)> = Vec::new();
    streams.push(("/v1/stream", Events::of(socket, "/v1/stream")));
    let mut asked = |method: &str, path: &str, further: &str| {
        let place = path.replace("{id}", &alice.name).replace("{user}", &alice.name).replace("{name}", "default");
        let answered = ask(socket, &method.to_uppercase(), &format!("{place}{further}"), "");
        let form = form(&document, method, path, answered.status, "application/json")["schema"].clone();
        cases.push(json!({ "what": format!("{method} {path} {}", answered.status), "form": form, "value": answered.json() }));
        answered.status
    };
    assert_eq!(asked("post", "/v1/instances/{id}/start", ""), 200);
    until("the log says it", || ask(socket, "GET", &format!("/v1/instances/{}/logs", alice.name), "").text.contains("hunter2-log"));
    for path in ["/health", "/v1/snapshot", "/v1/me", "/v1/ports/{user}", "/v1/instances/{id}", "/v1/instances/{id}/{name}"] {
        assert_eq!(asked("get", path, ""), 200, "{path}");
    }
    assert_eq!(asked("get", "/v1/instances/{id}/logs", "?lines=5"), 200);
    assert_eq!(asked("post", "/v1/instances/{id}/{name}/restart", ""), 200);
    assert_eq!(asked("get", "/v1/events", "?lines=1000"), 200);
    assert_eq!(asked("get", "/v1/events", "?since=yesterday"), 400);
    assert_eq!(asked("get", "/v1/ports/{user}", "x"), 404);
    let refused = as_user(bob.uid, bob.gid, || asked("post", "/v1/instances/{id}/stop", ""));
    assert_eq!(refused, 403);
    for path in ["/v1/instances/{id}/logs", "/v1/events"] {
        let place = path.replace("{id}", &alice.name);
        streams.push((path, Events::of(socket, &format!("{place}?follow=1"))));
    }
    assert_eq!(asked("post", "/v1/instances/{id}/stop", ""), 200);
    for (path, mut events) in streams {
        let names = form(&document, "get", path, 200, "text/event-stream")["x-events"].clone();
        // Of the stream the first picture and what changed, of the others what there was.
        for _ in 0..if path == "/v1/stream" { 3 } else { 1 } {
            let (name, value) = events.next().unwrap();
            assert!(names[&name].is_object(), "{path}: {name} is not told");
            cases.push(json!({ "what": format!("{path} {name}"), "form": names[&name], "value": value }));
        }
    }
    let mut python = Command::new(parts::PYTHON);
    python.args(["-c", VALIDATE]).env("PYTHONPATH", packages).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    write!(python.stdin.take().unwrap(), "{}", json!({ "document": document, "cases": cases })).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// The role that somebody has on a connection that stays.
fn role(stream: &mut UnixStream) -> String {
    stream.write_all(b"GET /v1/me HTTP/1.1\r\nHost: berth\r\n\r\n").unwrap();
    let mut text = String::new();
    while !text.ends_with("}\n") {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "it ended: {text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    let me: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
    me["role"].as_str().unwrap().to_owned()
}

#[test]
fn a17_who_leaves_the_group_is_no_admin_any_more_on_what_stays_open() {
    let Some(()) = parts::root() else { return };
    let (host, admin) = host();
    let served = Served::on(&host);
    let socket = &served.1;
    let mut stream = as_user(admin.uid, admin.gid, || connect(socket));
    let mut events = as_user(admin.uid, admin.gid, || Events::of(socket, "/v1/stream"));
    assert_eq!(role(&mut stream), "admin");
    let (name, first) = events.next().unwrap();
    assert_eq!((name.as_str(), first["instances"].as_array().map(Vec::len)), ("snapshot", Some(2)));
    // The group of its own name is the admins'.
    let group = |name: &str| assert!(Command::new("usermod").args(["-g", name, &admin.name]).status().unwrap().success());
    group("nogroup");
    until("it is none any more", || role(&mut stream) == "stranger");
    // It ends, after whatever was told before that.
    while events.next().is_some() {}
    let mut anew = as_user(admin.uid, admin.gid, || Events::of(socket, "/v1/stream"));
    assert_eq!(anew.next().unwrap().1["instances"], json!([]));
    group(&admin.name);
    // On a connection of its own: who says nothing for a while is let go.
    let mut stream = as_user(admin.uid, admin.gid, || connect(socket));
    until("it is one again", || role(&mut stream) == "admin");
}
