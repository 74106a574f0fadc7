//! The OpenAPI document: made from the table of routes, with a schema for each answer.
//!
//! It must never tell of a route that there is not, nor leave one out: the router is made from the same table.

mod instance;
mod schemas;
mod words;

use std::sync::OnceLock;

use axum::http::StatusCode;
use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::answer::text;
use super::table::{Method, ROUTES, Route};

pub use schemas::{Acted, Alive, Changes, Events, Lines, Log, Me, NewEvents, Picture, Ports, Reason, Refused, Resync, Shown, Snapshot};

/// Makes the schema of a form, or a reference to it.
pub type Form = fn(&mut SchemaGenerator) -> Schema;

/// The schema of a type.
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What is told of a route beside its path.
pub struct Told {
    /// A name of its own.
    pub id: &'static str,
    /// In one sentence.
    pub summary: &'static str,
    /// What may stand behind the question mark.
    pub asked: &'static [Asked],
    /// What may be sent.
    pub body: Option<Form>,
    /// What is answered with 200.
    pub answer: &'static [Content],
    /// The other statuses that it may answer with, but for those of every route.
    pub also: &'static [u16],
}

/// Something that may be asked for.
pub struct Asked {
    /// Its name.
    pub name: &'static str,
    /// What it is, as JSON Schema has it.
    pub kind: &'static str,
    /// As what it is written.
    pub format: Option<&'static str>,
    /// What for.
    pub about: &'static str,
}

/// One of the forms that an answer may have.
pub enum Content {
    /// A document.
    Json(Form),
    /// Server-sent events, by name.
    Stream(&'static [(&'static str, Form)]),
    /// A text of this media type.
    Text(&'static str),
    /// What only berth's own console understands, of this media type.
    Private(&'static str),
}

/// What every route may answer with.
const ALWAYS: [u16; 3] = [429, 503, 504];

fn why(status: u16) -> &'static str {
    match status {
        400 => "It is not understood; as a command that exits with 2.",
        403 => "Whoever asks may not; 3.",
        404 => "There is no such instance, or none that whoever asks may see; 4.",
        409 => "Somebody else is acting on it, its port is taken, or as much is under way already as may be; 5.",
        429 => "Too much is asked by this account.",
        500 => "It failed; 1.",
        503 => "Too many are connected, or the newest picture is old.",
        504 => "It was not over in time; 6.",
        _ => "",
    }
}

/// `GET /v1/openapi.json`.
pub async fn told() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let told = TEXT.get_or_init(|| format!("{}\n", document()));
    text(StatusCode::OK, "application/json", told.as_str())
}

/// The document.
fn document() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let method = match route.method {
            Method::Get => "get",
            Method::Post => "post",
        };
        let path = paths.entry(route.path).or_insert_with(|| json!({ "parameters": in_path(route.path) }));
        path[method] = operation(route, &mut generator);
    }
    let mut answers = Map::new();
    let refused = json!({ "application/json": { "schema": of::<Refused>(&mut generator) } });
    for status in [400, 403, 404, 409, 429, 500, 503, 504] {
        answers.insert(status.to_string(), json!({ "description": why(status), "content": refused }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "berth",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Who asks is the uid that the kernel has for the other side of the unix socket. Over TCP on loopback there is \
                            only looking; pages in browsers are refused there with 403, other hosts' names with 421, other methods with 405.",
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "http://berth", "description": "curl --unix-socket /run/berth/berth.sock" }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true), "responses": answers },
    })
}

/// What stands in braces in a path.
fn in_path(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let has_both = path.contains("{name}");
    let about = |name| match name {
        "id" if has_both => "The owner.",
        "id" => "OWNER, or OWNER%2FNAME.",
        "name" => "The instance's name.",
        _ => "The owner.",
    };
    names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "description": about(name), "schema": { "type": "string" } }))
        .collect()
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let told = &route.told;
    let asked = told.asked.iter().map(|asked| {
        let mut schema = json!({ "type": asked.kind });
        if let Some(format) = asked.format {
            schema["format"] = format.into();
        }
        json!({ "name": asked.name, "in": "query", "required": false, "description": asked.about, "schema": schema })
    });
    let mut answers = Map::new();
    let contents: Map<String, Value> = told.answer.iter().map(|content| content_of(content, generator)).collect();
    answers.insert("200".to_owned(), json!({ "description": told.summary, "content": contents }));
    let mut also: Vec<u16> = told.also.iter().copied().chain(ALWAYS).collect();
    also.sort_unstable();
    also.dedup();
    for status in also {
        answers.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    let mut operation = json!({ "operationId": told.id, "summary": told.summary, "parameters": asked.collect::<Vec<_>>() });
    if let Some(body) = told.body {
        operation["requestBody"] = json!({ "required": false, "content": { "application/json": { "schema": body(generator) } } });
    }
    operation["responses"] = Value::Object(answers);
    operation
}

/// A form with its media type.
fn content_of(content: &Content, generator: &mut SchemaGenerator) -> (String, Value) {
    match content {
        Content::Json(form) => ("application/json".to_owned(), json!({ "schema": form(generator) })),
        Content::Stream(events) => {
            // What the data of an event is no version of OpenAPI before 3.2 can say.
            let events: Map<String, Value> = events.iter().map(|(name, form)| ((*name).to_owned(), json!(form(generator)))).collect();
            let schema = json!({ "type": "string", "description": "Server-sent events; the data of each is a document in one line." });
            ("text/event-stream".to_owned(), json!({ "schema": schema, "x-events": events }))
        }
        Content::Text(media) => ((*media).to_owned(), json!({ "schema": { "type": "string" } })),
        Content::Private(media) => ((*media).to_owned(), json!({ "schema": { "description": "Of berth's own version: no contract." } })),
    }
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
