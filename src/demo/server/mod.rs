//! The demo's MCP server: rmcp's streamable HTTP transport at /mcp, /health and /metrics beside it, a log on standard output.
//!
//! It must never listen on anything but what its configuration says, and never write a file.

mod journal;
mod life;
mod tools;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::cast::Temper;
use journal::Journal;
use tools::Tools;

/// How long after its start a failing server ends: soon enough to be on the first full screen.
const FAILS_AFTER: Duration = Duration::from_millis(300);

/// The exit code of a failing server.
const FAILED: u8 = 3;

/// What the server takes from its configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The port.
    pub port: u16,
    /// The address.
    #[serde(default = "loopback")]
    pub host: IpAddr,
    /// What it says it is.
    #[serde(default = "name")]
    pub server_name: String,
    /// And which version of it.
    #[serde(default = "version")]
    pub server_version: String,
    /// How it behaves: a word of [`Temper`].
    #[serde(default)]
    pub demo: String,
}

fn loopback() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn name() -> String {
    "Demo MCP Server".to_owned()
}

fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

impl Settings {
    fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    fn temper(&self) -> Temper {
        Temper::parse(&self.demo).unwrap_or(Temper::Steady)
    }
}

/// The server's whole life; the hidden subcommand `berth demo-server --config=PATH`. Returns the process's exit code.
pub fn run(config: &Path) -> u8 {
    let _ = nix::sys::prctl::set_name(c"demo-server");
    let journal = Arc::new(Journal::new(true));
    let settings = match Settings::read(config) {
        Ok(settings) => settings,
        Err(error) => {
            journal.error(&format!("cannot read {}: {error}", config.display()));
            return 2;
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            journal.error(&format!("cannot start: {error}"));
            return 1;
        }
    };
    runtime.block_on(live(settings, journal))
}

async fn live(settings: Settings, journal: Arc<Journal>) -> u8 {
    let (Ok(mut terminated), Ok(mut interrupted)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return 1 };
    let address = SocketAddr::from((settings.host, settings.port));
    journal.info(&format!("{} {} starting, pid {}", settings.server_name, settings.server_version, std::process::id()));
    if settings.temper() == Temper::Failing {
        journal.info("opening workspace/memory.db");
        journal.warn("workspace/memory.db is busy, trying again");
        tokio::time::sleep(FAILS_AFTER).await;
        journal.error("database is locked: workspace/memory.db (SQLITE_BUSY), giving up after 3 tries");
        return FAILED;
    }
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            journal.error(&format!("listen {}: address {address}: {error}", code_of(&error)));
            return 1;
        }
    };
    journal.info(&format!("listening on http://{address}/mcp"));
    let temper = settings.temper();
    let app = routes(settings, &journal);
    tokio::select! {
        result = axum::serve(listener, app).into_future() => {
            journal.error(&format!("serving ended: {result:?}"));
            1
        }
        () = life::live(temper, &journal) => 0,
        _ = terminated.recv() => leave(&journal, "SIGTERM"),
        _ = interrupted.recv() => leave(&journal, "SIGINT"),
    }
}

fn leave(journal: &Journal, signal: &str) -> u8 {
    journal.info(&format!("{signal}: closing {} sessions, bye", journal.sessions()));
    0
}

/// The name that servers of this kind print.
fn code_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "EADDRINUSE",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::PermissionDenied => "EACCES",
        _ => "failed",
    }
}

/// What is served.
fn routes(settings: Settings, journal: &Arc<Journal>) -> Router {
    let about = (settings.server_name, settings.server_version);
    let (tools, health, metrics) = (Arc::clone(journal), Arc::clone(journal), Arc::clone(journal));
    let (mcp_about, health_about) = (about.clone(), about);
    let service = StreamableHttpService::new(
        move || Ok(Tools::new(mcp_about.clone(), Arc::clone(&tools))),
        Arc::new(LocalSessionManager::default()),
        // Loopback hosts only, and no page of a browser: the rules that the demo is there to show being kept.
        StreamableHttpServerConfig::default().enforce_origin_validation(),
    );
    Router::new()
        .nest_service("/mcp", service)
        .route(
            "/health",
            get(move || async move { ([(CONTENT_TYPE, "application/json")], health.health(&health_about.0, &health_about.1)) }),
        )
        .route(
            "/metrics",
            get(|| async move { ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], metrics.metrics()) }),
        )
}

#[cfg(test)]
mod tests;
