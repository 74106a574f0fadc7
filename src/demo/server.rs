//! A real MCP server for the demo's owners: the hidden subcommand `demo-server --config=FILE`.
//!
//! It must never listen anywhere but where its configuration says, and that is a loopback address.

mod activity;
mod journal;
mod tools;

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
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
use tokio_util::sync::CancellationToken;

use self::activity::Activity;
use self::journal::Journal;
use self::tools::Tools;

/// How long open sessions may take at the end.
const END_TAKES: Duration = Duration::from_millis(500);

/// When the workspace's database is opened: a server that crashes does so after it was up.
const DATABASE_AFTER: Duration = Duration::from_millis(300);

/// The exit code for a database that cannot be used.
const DATABASE_UNUSABLE: u8 = 3;

/// The guide's configuration file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    port: u16,
    host: IpAddr,
    server_name: String,
    server_version: String,
    workspace: PathBuf,
}

/// Serves until it is ended. The arguments are those after the subcommand.
pub fn main(arguments: &[OsString]) -> u8 {
    let journal = Arc::new(Journal::new());
    let Some(path) = super::option(arguments, "--config").map(Path::new) else {
        journal.error("no configuration: --config=FILE is missing");
        return 2;
    };
    let settings = match read(path) {
        Ok(settings) => settings,
        Err(error) => {
            journal.error(&format!("cannot read {}: {error}", path.display()));
            return 2;
        }
    };
    // {base}/users/OWNER/config/config.json
    let owner = path.ancestors().nth(2).and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            journal.error(&format!("cannot start: {error}"));
            return 1;
        }
    };
    runtime.block_on(live(&settings, owner, &journal))
}

fn read(path: &Path) -> io::Result<Settings> {
    serde_json::from_reader(io::BufReader::new(File::open(path)?)).map_err(io::Error::from)
}

async fn live(settings: &Settings, owner: &str, journal: &Arc<Journal>) -> u8 {
    let address = SocketAddr::new(settings.host, settings.port);
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            journal.error(&format!("listen EADDRINUSE: address already in use {address}"));
            return 1;
        }
        Err(error) => {
            journal.error(&format!("cannot listen on {address}: {error}"));
            return 1;
        }
    };
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return 1 };
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return 1 };
    journal.info(&format!("{} {} listens on http://{address}/mcp", settings.server_name, settings.server_version));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, settings.clone(), Arc::clone(journal), stop.clone()));
    let working = tokio::spawn(Activity::new(owner, Arc::clone(journal)).run());
    let code = tokio::select! {
        _ = terminate.recv() => 0,
        _ = interrupt.recv() => 0,
        error = unusable_database(&settings.workspace) => {
            journal.error(&error);
            DATABASE_UNUSABLE
        }
    };
    working.abort();
    if code == 0 {
        journal.info("asked to end: closing sessions");
        stop.cancel();
        // An event stream that nobody closes must not keep the server.
        let _ = tokio::time::timeout(END_TAKES, serving).await;
        journal.info("ended");
    }
    code
}

async fn serve(listener: TcpListener, settings: Settings, journal: Arc<Journal>, stop: CancellationToken) -> io::Result<()> {
    axum::serve(listener, routes(&settings, &journal, &stop)).with_graceful_shutdown(stop.cancelled_owned()).await
}

fn routes(settings: &Settings, journal: &Arc<Journal>, stop: &CancellationToken) -> Router {
    let (name, version) = (settings.server_name.clone(), settings.server_version.clone());
    let tools = Tools::new(Arc::clone(journal), &name, &version);
    // No page of a browser has business here: any Origin is refused.
    let config = StreamableHttpServerConfig::default().with_cancellation_token(stop.clone()).enforce_origin_validation();
    let service = StreamableHttpService::new(move || Ok(tools.clone()), Arc::new(LocalSessionManager::default()), config);
    let (healthy, counting) = (Arc::clone(journal), Arc::clone(journal));
    let health = move || async move { ([(CONTENT_TYPE, "application/json")], healthy.health(&name, &version)) };
    let metrics =
        move || async move { ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], counting.metrics()) };
    Router::new().route("/health", get(health)).route("/metrics", get(metrics)).nest_service("/mcp", service)
}

/// Opens the workspace's database, if there is one. Returns only when it cannot be used, with the reason.
async fn unusable_database(workspace: &Path) -> String {
    tokio::time::sleep(DATABASE_AFTER).await;
    let path = workspace.join("memory.db");
    match database_fault(&path) {
        Some(fault) => format!("cannot open {}: {fault}", path.display()),
        None => match std::future::pending::<Infallible>().await {},
    }
}

/// What is wrong with a database file: SQLite's begin with these sixteen bytes, and an empty one is new.
fn database_fault(path: &Path) -> Option<String> {
    const HEAD: &[u8] = b"SQLite format 3\0";
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(HEAD.len() as u64).read_to_end(&mut head)) {
        Ok(_) if head.is_empty() || head == HEAD => None,
        Ok(_) => Some("database disk image is malformed".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
