//! What berth writes into users' files, read by those who read such files: jq, python's json, and python-dotenv.
//!
//! It must never read with anything of berth's own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use serde_json::Value;

use crate::accounts::Account;
use crate::adding::Empty;
use crate::parts;

/// An example with everything that a file of this kind may hold, the port and the address among it.
const EXAMPLE: &str = "# The desk's. Copy it, and fill in what is yours.\n\
    A_PORT=3456 # where it listens\r\n\
    export A_HOST='0.0.0.0'\n\
    \n\
    PLAIN=one two\n\
    SINGLE='it has # and \" in it'\n\
    DOUBLE=\"a \\\"quote\\\", a\\nline\"\n\
    LINES='the first\n\
    A_PORT=1\n\
    the last'\n\
    EMPTY=\n\
    A_KEY=your_key";

/// Has the system's own python read a file as this account, and gives what it printed as JSON.
fn python(account: &Account, script: &str, path: &Path) -> Value {
    let output = account.command(Path::new("/usr/bin/python3")).args(["-c", script]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const JSON: &str = "import json, sys; print(json.dumps(json.load(open(sys.argv[1]))))";

const DOTENV: &str = "import dotenv, json, sys; print(json.dumps(dotenv.dotenv_values(sys.argv[1], interpolate=False)))";

fn readers() -> Result<(), String> {
    for (program, words) in [("/usr/bin/python3", ["-c", "import dotenv"]), ("jq", ["--null-input", "1"])] {
        let output = std::process::Command::new(program).args(words).output().map_err(|error| format!("{program}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
    }
    Ok(())
}

#[test]
fn what_is_written_is_read_by_those_who_read_it() {
    let (Some(()), Some(())) = (parts::root(), parts::part("readers", readers())) else { return };
    let (world, amy) = (Empty::new(), Account::make());
    fs::create_dir_all(world.base.join("desk/users")).unwrap();
    for folder in [&world.base, &world.base.join("desk"), &world.base.join("desk/users")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let example = world.base.join("desk/.env.example");
    fs::write(&example, EXAMPLE).unwrap();
    fs::set_permissions(&example, fs::Permissions::from_mode(0o644)).unwrap();
    // The service account's own, as the guide has it: its file is replaced there.
    chown(world.base.join("desk"), Some(amy.uid), Some(amy.gid)).unwrap();
    let desk = format!("{}-desk", amy.name);
    world.berth.done(&["add", &amy.name, "--no-start"]);
    world.berth.done(&["add", &desk, "--template", "desk", "--run-as", &amy.name, "--no-start"]);
    let (config, env) =
        (world.base.join("users").join(&amy.name).join("config/config.json"), world.base.join("desk").join(format!(".env.{desk}")));
    // Beside what berth writes, a key that it does not know.
    let mut told = python(&amy, JSON, &config);
    told["unknown"] = serde_json::json!({ "kept": [1, 2.50, "ü"] });
    amy.file(&config, &serde_json::to_string_pretty(&told).unwrap());
    let mut ports: Vec<u64> =
        [amy.name.as_str(), desk.as_str()].iter().map(|id| world.berth.instance(id)["port"].as_u64().unwrap()).collect();
    for round in 0..2 {
        if round == 1 {
            // The next ones, which nobody has.
            let first = ports.iter().max().unwrap() + 1;
            for (port, id) in ports.iter_mut().zip([&amy.name, &desk]) {
                *port = first + u64::from(*id == desk);
                world.berth.done(&["assign", id, "--port", &port.to_string()]);
            }
        }
        told["port"] = ports[0].into();
        assert_eq!(python(&amy, JSON, &config), told);
        let output = amy.command(Path::new("/usr/bin/jq")).args(["--exit-status", ".port"]).arg(&config).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), ports[0].to_string(), "{output:?}");
        // All but the two is as the example has it, for the same reader.
        let mut expected = python(&amy, DOTENV, &example);
        (expected["A_PORT"], expected["A_HOST"]) = (ports[1].to_string().into(), "127.0.0.1".into());
        assert_eq!(python(&amy, DOTENV, &env), expected);
        assert_eq!(expected["LINES"], "the first\nA_PORT=1\nthe last");
    }
}
