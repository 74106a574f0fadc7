//! mcp-memory-service over HTTPS with a certificate that it signed itself: guarded, known by its key, and sent none after the certificate was
//! exchanged until that was accepted.
//!
//! Its key must never be seen in what berth prints or keeps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::{PATIENCE, introduced, log};
use crate::parts::{self, PYTHON};
use crate::world::World;

const KEY: &str = "canary-of-the-tls-memory-9Wv";

/// With the guide's three variables, and no word of `scheme` in the template. Its own `server --http` does not read them, so it is run as its
/// launcher runs it.
fn world(packages: &Path) -> World {
    let template = format!(
        r#"command = ["{PYTHON}", "-m", "uvicorn", "mcp_memory_service.web.app:app", "--host", "127.0.0.1", "--port", "{{port}}", "--ssl-certfile", "{{base}}/certificate.pem", "--ssl-keyfile", "{{base}}/key.pem"]
host = "127.0.0.1"
health = "/api/health"
probe_key_env = ["MCP_API_KEY"]
start_timeout = "120s"
environment = {{ MCP_HTTPS_ENABLED = "true", MCP_SSL_CERT_FILE = "{{base}}/certificate.pem", MCP_SSL_KEY_FILE = "{{base}}/key.pem", MCP_HTTP_PORT = "{{port}}", MCP_HTTP_HOST = "127.0.0.1", MCP_API_KEY = "{KEY}", MCP_MDNS_ENABLED = "false", MCP_MEMORY_STORAGE_BACKEND = "sqlite_vec", MCP_MEMORY_BASE_DIR = "{{workspace}}", HOME = "{{workspace}}", HF_HUB_OFFLINE = "1", PYTHONPATH = "{{base}}/python", PYTHONDONTWRITEBYTECODE = "1", PYTHONUNBUFFERED = "1" }}"#
    );
    World::with(&[(packages, "python")], 1, &template)
}

/// A new certificate for its next start, made as the guide has it made.
fn certificate(world: &World) {
    let words = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -keyout key.pem -out certificate.pem";
    let made = Command::new("openssl").args(words.split(' ')).current_dir(&world.base).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for name in ["key.pem", "certificate.pem"] {
        fs::set_permissions(world.base.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// By what `openssl` knows it.
fn fingerprint(world: &World) -> String {
    let words = "x509 -noout -fingerprint -sha256 -in certificate.pem";
    let told = Command::new("openssl").args(words.split(' ')).current_dir(&world.base).output().unwrap();
    String::from_utf8(told.stdout).unwrap().trim().split_once('=').unwrap().1.replace(':', "").to_lowercase()
}

fn changed(world: &World) -> Option<Value> {
    let found = world.berth.json(&["check"])["findings"].as_array().unwrap().clone();
    found.into_iter().find(|finding| finding["code"] == "certificate-changed")
}

#[test]
fn the_memory_service_over_https_is_known_by_its_certificate() {
    let Some(()) = parts::root() else { return };
    let Some(packages) = parts::python("memory") else { return };
    let world = world(&packages);
    let id = world.names()[0];
    certificate(&world);
    world.berth.done(&["start", id]);
    let health = introduced(&world);
    assert_eq!((&health["state"], &health["server"]["wants_key"]), (&"guarded".into(), &true.into()), "{health:#}\n{}", log(&world));
    assert!(health["server"]["name"].as_str().is_some_and(|name| name.contains("memory")), "{health:#}");
    let first = fingerprint(&world);
    assert_eq!(health["certificate"]["sha256"], first.as_str(), "{health:#}");
    // Written down by hand; the console and the daemon do it by themselves.
    world.berth.done(&["trust", id, "--certificate", &first]);
    assert_eq!(changed(&world), None);

    certificate(&world);
    let second = fingerprint(&world);
    assert_ne!(first, second);
    world.berth.done(&["restart", id]);
    let begun = Instant::now();
    let finding = loop {
        if let Some(finding) = changed(&world) {
            break finding;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", log(&world));
    };
    assert_eq!(finding["remedies"], serde_json::json!(["trust"]), "{finding:#}");
    let unknown = introduced(&world);
    assert_eq!(unknown["server"]["name"], Value::Null, "asked with its key: {unknown:#}");
    world.berth.done(&["trust", id, "--certificate", &second]);
    assert_eq!(changed(&world), None);
    assert!(introduced(&world)["server"]["name"].as_str().is_some_and(|name| name.contains("memory")));
    assert!(!log(&world).contains(KEY));
    for entry in fs::read_dir(&world.berth.state).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{}", entry.path().display());
    }
}
