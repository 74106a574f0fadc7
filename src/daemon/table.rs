//! What can be asked: one table of routes, from which both the router and the OpenAPI document are made.
//!
//! It must never hold how something is answered, nor have a route beside the table.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::hub::Hub;
use super::openapi::{Acted, Alive, Changes, Events, Lines, Log, Me, NewEvents, Picture, Ports, Reason, Resync, Shown, Snapshot};
use super::openapi::{Asked, Content, Told, of, told};
use super::{console, metrics, routes};
use crate::domain::Verb;
use crate::link::wire;

/// How it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// For looking.
    Get,
    /// For having something done.
    Post,
}

/// A route.
pub struct Route {
    /// How.
    pub method: Method,
    /// Where.
    pub path: &'static str,
    /// What answers.
    pub answered: fn() -> MethodRouter<Arc<Hub>>,
    /// What the document tells of it.
    pub told: Told,
}

const FOLLOW: Asked = asked("follow", "integer", None, "1 for what comes after, too, as events.");
const NONE: &[Asked] = &[];

const fn asked(name: &'static str, kind: &'static str, format: Option<&'static str>, about: &'static str) -> Asked {
    Asked { name, kind, format, about }
}

const fn look(
    path: &'static str,
    answered: fn() -> MethodRouter<Arc<Hub>>,
    (id, summary): (&'static str, &'static str),
    asked: &'static [Asked],
    answer: &'static [Content],
    also: &'static [u16],
) -> Route {
    Route { method: Method::Get, path, answered, told: Told { id, summary, asked, body: None, answer, also } }
}

const fn order(path: &'static str, answered: fn() -> MethodRouter<Arc<Hub>>, id: &'static str, summary: &'static str) -> Route {
    let (answer, also): (_, &[u16]) = (&[Content::Json(of::<Acted>)], &[400, 403, 404, 409, 500]);
    Route { method: Method::Post, path, answered, told: Told { id, summary, asked: NONE, body: Some(of::<Reason>), answer, also } }
}

/// What berth's own console asks; its form follows berth's version.
const fn private(
    method: Method,
    path: &'static str,
    answered: fn() -> MethodRouter<Arc<Hub>>,
    id: &'static str,
    media: &'static [Content],
) -> Route {
    let summary = "For berth's own console; no contract.";
    let also: &[u16] = &[400, 403, 404, 409, 500];
    Route { method, path, answered, told: Told { id, summary, asked: NONE, body: None, answer: media, also } }
}

const IN_LOG: &[Asked] = &[asked("lines", "integer", None, "How many; 50 if nothing is said, 1000 at most."), FOLLOW];
const IN_EVENTS: &[Asked] = &[
    asked("since", "string", Some("date-time"), "None that is older."),
    asked("lines", "integer", None, "How many; 100 if nothing is said, 10000 at most."),
    asked("user", "string", None, "Of this owner."),
    asked("id", "string", None, "Of this instance."),
    FOLLOW,
];
const LOG: &[Content] = &[Content::Json(of::<Log>), Content::Stream(&[("lines", of::<Lines>)])];
const STREAM: &[Content] = &[Content::Stream(&[("snapshot", of::<Picture>), ("changes", of::<Changes>), ("resync", of::<Resync>)])];
const ONE: &[u16] = &[400, 404];
const OF_LOG: &[u16] = &[400, 403, 404, 409, 500];
const PRIVATE: &[Content] = &[Content::Private("application/json")];

/// All of them. An instance is named `OWNER`, `OWNER/NAME` or `OWNER%2FNAME`.
pub static ROUTES: &[Route] = &[
    look("/health", || get(routes::health), ("health", "Whether the engine looks."), NONE, &[Content::Json(of::<Alive>)], &[]),
    look(
        "/metrics",
        || get(routes::measured),
        ("metrics", "The numbers, for Prometheus."),
        NONE,
        &[Content::Text(metrics::KIND), Content::Text(metrics::PLAIN)],
        &[],
    ),
    look("/v1/openapi.json", || get(told), ("openapi", "This document."), NONE, &[Content::Text("application/json")], &[]),
    look(
        "/v1/snapshot",
        || get(routes::snapshot),
        ("snapshot", "All instances and findings."),
        NONE,
        &[Content::Json(of::<Snapshot>)],
        &[],
    ),
    look("/v1/stream", || get(routes::streamed), ("stream", "The picture, and what changes of it."), NONE, STREAM, &[]),
    look(
        "/v1/events",
        || get(routes::events),
        ("events", "What happened and what was done."),
        IN_EVENTS,
        &[Content::Json(of::<Events>), Content::Stream(&[("events", of::<NewEvents>)])],
        &[400, 409, 500],
    ),
    look(
        "/v1/me",
        || get(routes::me),
        ("me", "Who asks, what that one has, and where it is reached."),
        NONE,
        &[Content::Json(of::<Me>)],
        &[],
    ),
    look("/v1/ports/{user}", || get(routes::ports_of), ("ports", "The ports of an owner."), NONE, &[Content::Json(of::<Ports>)], ONE),
    look("/v1/instances/{id}", || get(routes::show), ("show", "One instance."), NONE, &[Content::Json(of::<Shown>)], ONE),
    look("/v1/instances/{id}/{name}", || get(routes::show_named), ("showNamed", "One instance."), NONE, &[Content::Json(of::<Shown>)], ONE),
    look("/v1/instances/{id}/logs", || get(routes::log), ("logs", "The end of a log."), IN_LOG, LOG, OF_LOG),
    look("/v1/instances/{id}/{name}/logs", || get(routes::log_named), ("logsNamed", "The end of a log."), IN_LOG, LOG, OF_LOG),
    order("/v1/instances/{id}/start", || routes::ordered(Verb::Start), "start", "Has it run, and waits for that."),
    order("/v1/instances/{id}/stop", || routes::ordered(Verb::Stop), "stop", "Has its whole tree end, and waits for that."),
    order("/v1/instances/{id}/restart", || routes::ordered(Verb::Restart), "restart", "Both, on the same port."),
    order("/v1/instances/{id}/{name}/start", || routes::ordered_named(Verb::Start), "startNamed", "Has it run, and waits for that."),
    order(
        "/v1/instances/{id}/{name}/stop",
        || routes::ordered_named(Verb::Stop),
        "stopNamed",
        "Has its whole tree end, and waits for that.",
    ),
    order("/v1/instances/{id}/{name}/restart", || routes::ordered_named(Verb::Restart), "restartNamed", "Both, on the same port."),
    private(Method::Get, wire::HELLO, || get(console::hello), "console", PRIVATE),
    private(Method::Post, wire::CALL, || post(console::call), "consoleCall", &[Content::Private("application/x-ndjson")]),
    private(Method::Post, wire::LOG, || post(console::log), "consoleLog", PRIVATE),
];

/// The router.
pub fn router(hub: Arc<Hub>) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.answered)()));
    routes.fallback(routes::no_such_route).method_not_allowed_fallback(routes::no_such_method).with_state(hub)
}
