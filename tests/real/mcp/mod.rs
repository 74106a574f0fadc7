//! Servers made with the SDKs of both eras, and one that wants a key: berth says which server each is, of which era and how it is; and
//! after an hour's worth of questions nothing is left in them.
//!
//! It must never reach out of this host: nothing is downloaded, nothing is told to the network.

mod hour;
mod mdns;
mod memory;
mod memory_tls;
mod metrics;
mod servers;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::parts::{Everything, PYTHON};
use crate::world::World;

/// How long a server on a busy machine is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A world with one owner and a Python server, made by this program on these packages.
fn python(packages: &Path, program: &str) -> World {
    let template = format!(
        r#"command = ["{PYTHON}", "{{base}}/server.py", "{{port}}"]
host = "127.0.0.1"
environment = {{ PYTHONPATH = "{{base}}/python", PYTHONDONTWRITEBYTECODE = "1", PYTHONUNBUFFERED = "1", HOME = "{{workspace}}" }}
start_timeout = "120s""#
    );
    placed(World::with(&[(packages, "python")], 1, &template), "server.py", program)
}

/// One with a Node server, made by this program.
fn node(parts: &Everything, program: &str) -> World {
    let template = format!(
        r#"command = ["{}", "--expose-gc", "{{base}}/server.mjs"]
host = "127.0.0.1"
environment = {{ PORT = "{{port}}" }}
start_timeout = "120s""#,
        parts.node.display()
    );
    placed(World::with(&[(&parts.modules, "node_modules")], 1, &template), "server.mjs", program)
}

fn placed(world: World, name: &str, program: &str) -> World {
    let path = world.base.join(name);
    fs::write(&path, program).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    world
}

/// How the only instance is, once it has said which server it is.
fn introduced(world: &World) -> Value {
    let begun = Instant::now();
    loop {
        let shown = world.berth.json(&["show", world.names()[0]])["instance"]["health"].clone();
        if !shown["server"].is_null() {
            return shown;
        }
        assert!(begun.elapsed() < PATIENCE, "{shown:#}\n{}", log(world));
    }
}

fn log(world: &World) -> String {
    fs::read_to_string(world.base.join("users").join(world.names()[0]).join("logs/server.log")).unwrap_or_default()
}
