//! mcp-memory-service announcing itself: two under its one default name hide each other, two under names of their own are both found.
//!
//! It must never announce anything on a network that somebody else is on.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::PATIENCE;
use crate::link::apart;
use crate::parts::{self, PYTHON};
use crate::world::World;

/// What stands where each is to have a name of its own.
const OWN_NAME: &str = "MCP_MDNS_ENABLED = \"true\", MCP_MDNS_SERVICE_NAME = \"Memory of {user}\"";

/// Two that announce themselves as they do when nobody says how.
fn world(packages: &Path) -> World {
    let template = format!(
        r#"command = ["{PYTHON}", "-m", "mcp_memory_service.cli.main", "server", "--http"]
host = "127.0.0.1"
health = "/api/health"
start_timeout = "120s"
environment = {{ MCP_HTTP_PORT = "{{port}}", MCP_HTTP_HOST = "127.0.0.1", MCP_API_KEY = "none", MCP_MDNS_ENABLED = "true", MCP_MEMORY_STORAGE_BACKEND = "sqlite_vec", MCP_MEMORY_BASE_DIR = "{{workspace}}", HOME = "{{workspace}}", HF_HUB_OFFLINE = "1", PYTHONPATH = "{{base}}/python", PYTHONDONTWRITEBYTECODE = "1", PYTHONUNBUFFERED = "1" }}"#
    );
    World::with(&[(packages, "python")], 2, &template)
}

fn logs(world: &World) -> String {
    let log = |name: &&str| fs::read_to_string(world.base.join("users").join(name).join("logs/server.log")).unwrap_or_default();
    world.names().iter().map(log).collect::<Vec<_>>().join("\n")
}

/// What is announced, as soon as it is as wanted.
fn discovered(world: &World, is_wanted: impl Fn(&[Value]) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let document = world.berth.json(&["discover"]);
        if is_wanted(document["services"].as_array().unwrap()) {
            return document;
        }
        assert!(begun.elapsed() < PATIENCE, "{document:#}\n{}", logs(world));
    }
}

#[test]
fn memory_services_are_found_and_told_when_they_hide_each_other() {
    let Some(()) = parts::root() else { return };
    let Some(packages) = parts::python("memory") else { return };
    apart(move || {
        let world = world(&packages);
        let mut names = world.names();
        names.sort_unstable();
        world.berth.done(&["start", names[0], names[1]]);
        let heard = discovered(&world, |services| services.iter().any(|one| one["instance"].is_string()));
        let first = &heard["services"][0];
        assert_eq!((&first["name"], &first["type"]), (&"MCP Memory Service".into(), &"_mcp-memory._tcp.local.".into()), "{heard:#}");
        assert!(first["txt"]["api_path"] == "/api" && first["txt"]["auth_required"] == "True", "{heard:#}");
        // Only one of them is heard: the other one's library did not announce it. Both are named all the same.
        let checked = world.berth.json(&["check"]);
        let of = |document: &Value| {
            let findings = document["findings"].as_array().unwrap().iter();
            findings.filter(|one| one["code"] == "mdns-name-shared").cloned().collect::<Vec<_>>()
        };
        let found = of(&checked);
        assert_eq!(found.len(), 1, "{checked:#}");
        assert_eq!(found[0]["instances"], serde_json::json!(names), "{checked:#}");
        assert!(found[0]["evidence"].as_str().unwrap().contains("MCP Memory Service (_mcp-memory._tcp.local.)"), "{checked:#}");

        let config = fs::read_to_string(&world.berth.config).unwrap();
        fs::write(&world.berth.config, config.replace("MCP_MDNS_ENABLED = \"true\"", OWN_NAME)).unwrap();
        world.berth.done(&["restart", names[0], names[1]]);
        let heard = discovered(&world, |services| names.iter().all(|name| services.iter().any(|one| one["instance"] == **name)));
        for name in &names {
            let service = heard["services"].as_array().unwrap().iter().find(|one| one["instance"] == **name).unwrap();
            assert_eq!((&service["name"], &service["here"]), (&format!("Memory of {name}").into(), &true.into()), "{heard:#}");
        }
        assert!(of(&world.berth.json(&["check"])).is_empty() && of(&heard).is_empty(), "{heard:#}");
    });
}
