//! The document held against the router, and against what is really answered: a form that says less or more than the answer has is wrong.
//!
//! It must never need a host.

use std::collections::BTreeSet;

use super::*;
use crate::daemon::serve::tests::{Site, ask, run, until};
use crate::domain::{Event, EventKind};
use crate::present::events::record;
use crate::present::{fleet, json as told_json};

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let operations = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
        all.extend(operations.map(|(method, operation)| (method.clone(), path.clone(), operation.clone())));
    }
    all
}

/// What is wrong with a value of this form, with nothing beside what the form says: enough of JSON Schema for what is made here.
fn faults(document: &Value, form: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(place) = form["$ref"].as_str() {
        return faults(document, document.pointer(place.strip_prefix('#').unwrap()).unwrap(), value, at);
    }
    if let Some(forms) = form["anyOf"].as_array() {
        let all: Vec<_> = forms.iter().map(|form| faults(document, form, value, at)).collect();
        return if all.iter().any(Vec::is_empty) { Vec::new() } else { all.concat() };
    }
    let kinds: Vec<&str> = match &form["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        _ => return Vec::new(),
    };
    let is_of = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if !kinds.iter().any(is_of) {
        return vec![format!("{at}: {value} is no {kinds:?}")];
    }
    let mut wrong = Vec::new();
    if let Some(words) = form["enum"].as_array().filter(|words| !words.contains(value)) {
        wrong.push(format!("{at}: {value} is none of {words:?}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        wrong.extend(faults(document, &form["items"], item, &format!("{at}/{index}")));
    }
    let Some(object) = value.as_object() else { return wrong };
    let required = form["required"].as_array().cloned().unwrap_or_default();
    wrong
        .extend(required.iter().filter(|name| !object.contains_key(name.as_str().unwrap())).map(|name| format!("{at}: {name} is missing")));
    for (name, value) in object {
        let place = format!("{at}/{name}");
        match (&form["properties"][name], &form["additionalProperties"]) {
            (Value::Null, Value::Null) => wrong.push(format!("{place}: nothing is said of it")),
            (Value::Null, other) => wrong.extend(faults(document, other, value, &place)),
            (known, _) => wrong.extend(faults(document, known, value, &place)),
        }
    }
    wrong
}

fn fits(form: &str, value: &Value) {
    let document = document();
    let known = &document["components"]["schemas"][form];
    assert!(known.is_object(), "{form}");
    assert_eq!(faults(&document, known, value, form), Vec::<String>::new());
}

#[test]
fn every_route_is_told_and_everything_told_is_a_route() {
    let document = document();
    let told: BTreeSet<_> = operations(&document).into_iter().map(|(method, path, _)| (method, path)).collect();
    let method = |method| if method == Method::Get { "get" } else { "post" };
    let there: BTreeSet<_> = ROUTES.iter().map(|route| (method(route.method).to_owned(), route.path.to_owned())).collect();
    assert_eq!((told.len(), &told), (ROUTES.len(), &there));
    let ids: BTreeSet<_> = ROUTES.iter().map(|route| route.told.id).collect();
    assert_eq!(ids.len(), ROUTES.len(), "each has a name of its own");
    assert!(ROUTES.iter().all(|route| !route.told.summary.is_empty() && !route.told.answer.is_empty()));
    // What section 6 of the contract has.
    let paths = [
        "/health",
        "/metrics",
        "/v1/snapshot",
        "/v1/stream",
        "/v1/events",
        "/v1/me",
        "/v1/ports/{user}",
        "/v1/instances/{id}",
        "/v1/instances/{id}/logs",
        "/v1/instances/{id}/start",
        "/v1/instances/{id}/stop",
        "/v1/instances/{id}/restart",
    ];
    assert!(paths.iter().all(|path| document["paths"].get(path).is_some()));
}

#[test]
fn each_is_answered_with_a_status_that_is_told() {
    run(async {
        for (method, path, operation) in operations(&document()) {
            let site = Site::new();
            let mut stream = site.unix();
            let place = path.replace("{id}", "alice").replace("{name}", "default").replace("{user}", "alice");
            ask(&mut stream, &method.to_uppercase(), &place, "berth", "content-length: 0\r\n").await;
            let told = until(&mut stream, |text| text.contains("\r\n\r\n")).await;
            let status = told.split(' ').nth(1).unwrap();
            assert!(operation["responses"].get(status).is_some(), "{method} {path}: {told}");
            assert!(!told.contains("nothing is answered there"), "{method} {path}");
        }
    });
}

#[test]
fn no_reference_leads_nowhere() {
    fn look(document: &Value, value: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(place) = object.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(place.strip_prefix('#').unwrap()).is_some(), "{place}");
                }
                object.values().for_each(|value| look(document, value));
            }
            Value::Array(all) => all.iter().for_each(|value| look(document, value)),
            _ => {}
        }
    }
    let document = document();
    look(&document, &document);
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn what_is_answered_has_the_form_that_is_told() {
    let fleet = fleet::fleet();
    fits("Snapshot", &told_json::ls(&fleet));
    let mut one = crate::domain::Notified::nothing_yet("https://alerts.example:443");
    one.failed_at = Some((jiff::Timestamp::UNIX_EPOCH, crate::domain::Shown::from("refused")));
    let told = crate::domain::Snapshot { notified: Some([one].into()), ..fleet.clone() };
    fits("Snapshot", &told_json::ls(&told));
    let one = &told_json::ls(&told)["notified"][0];
    assert_eq!((&one["to"], &one["failing"], &one["why"]), (&"https://alerts.example:443".into(), &true.into(), &"refused".into()));
    for row in &fleet.rows {
        fits("Shown", &told_json::show(row, &fleet, true));
        fits("Shown", &told_json::show(row, &fleet, false));
    }
    let event = Event::of_host(jiff::Timestamp::UNIX_EPOCH, EventKind::Crashed, crate::domain::Level::Error, "running -> crashed");
    fits("Events", &record::document(&[event]));
}

#[test]
fn a_form_that_is_not_the_answer_s_is_seen() {
    let fleet = fleet::fleet();
    let (document, whole) = (document(), told_json::ls(&fleet));
    let form = &document["components"]["schemas"]["Snapshot"];
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut value = whole.clone();
        change(&mut value);
        faults(&document, form, &value, "").len()
    };
    assert_eq!(wrong(&|_| ()), 0);
    assert_eq!(wrong(&|value| value["more"] = 1.into()), 1);
    assert_eq!(wrong(&|value| value["instances"][0]["state"] = "asleep".into()), 1);
    assert_eq!(wrong(&|value| drop(value["instances"][0].as_object_mut().unwrap().remove("pid"))), 1);
    assert_eq!(wrong(&|value| value["totals"]["running"] = Value::Null), 1);
}

#[test]
fn what_is_asked_of_a_hub_has_its_form() {
    run(async {
        let site = Site::new();
        for (path, form) in
            [("/health", "Alive"), ("/v1/me", "Me"), ("/v1/ports/alice", "Ports"), ("/v1/instances/alice", "Shown"), ("/v1/x", "Refused")]
        {
            let mut stream = site.unix();
            ask(&mut stream, "GET", path, "berth", "").await;
            let told = until(&mut stream, |text| text.ends_with("}\n")).await;
            fits(form, &serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap());
        }
    });
}
