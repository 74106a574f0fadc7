//! mcp-memory-service with an API key: alive at its health path for everybody, guarded at its endpoint, and known by the key.
//!
//! Its key must never be seen: not on a screen, in a document, in its log or in berth's state.

use std::fs;
use std::path::Path;

use super::{introduced, log};
use crate::parts::{self, PYTHON};
use crate::world::World;

const KEY: &str = "canary-of-the-memory-7Qx";

/// What it is run with: no announcement, and no model to be downloaded.
fn world(packages: &Path) -> World {
    let template = format!(
        r#"command = ["{PYTHON}", "-m", "mcp_memory_service.cli.main", "server", "--http"]
host = "127.0.0.1"
health = "/api/health"
probe_key_env = ["MCP_API_KEY"]
start_timeout = "120s"
environment = {{ MCP_HTTP_PORT = "{{port}}", MCP_HTTP_HOST = "127.0.0.1", MCP_API_KEY = "{KEY}", MCP_MDNS_ENABLED = "false", MCP_MEMORY_STORAGE_BACKEND = "sqlite_vec", MCP_MEMORY_BASE_DIR = "{{workspace}}", HOME = "{{workspace}}", HF_HUB_OFFLINE = "1", PYTHONPATH = "{{base}}/python", PYTHONDONTWRITEBYTECODE = "1", PYTHONUNBUFFERED = "1" }}"#
    );
    World::with(&[(packages, "python")], 1, &template)
}

#[test]
fn the_memory_service_is_guarded_and_known_by_its_key() {
    let Some(()) = parts::root() else { return };
    let Some(packages) = parts::python("memory") else { return };
    let world = world(&packages);
    let id = world.names()[0];
    world.berth.done(&["start", id]);
    let health = introduced(&world);
    let server = &health["server"];
    assert_eq!((&health["state"], &server["wants_key"]), (&"guarded".into(), &true.into()), "{health:#}\n{}", log(&world));
    for (key, expected) in [("era", "legacy"), ("protocol", "2024-11-05"), ("transport", "http"), ("path", "/mcp")] {
        assert_eq!(server[key], expected, "{health:#}");
    }
    assert!(server["name"].as_str().is_some_and(|name| name.contains("memory")), "{health:#}");
    assert_eq!(server["sessions"], false, "{health:#}");
    let shown = world.berth.run(&["show", id]);
    assert!(shown.text.contains("wants credentials") && !shown.text.contains(KEY), "{}", shown.text);
    assert!(!log(&world).contains(KEY));
    for entry in fs::read_dir(&world.berth.state).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{}", entry.path().display());
    }
}
