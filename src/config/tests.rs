//! The whole way from files to a configuration. One fixture a mistake, each with the exact message.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::layers::{Files, beneath_home, load};
use super::*;
use crate::domain::PortRange;

fn own() -> Uid {
    Uid(nix::unistd::geteuid().as_raw())
}

/// Writes the texts as layers and loads them.
fn layered(texts: &[&str]) -> (tempfile::TempDir, Result<Config>) {
    let folder = tempfile::tempdir().unwrap();
    let default: Vec<PathBuf> = (0..texts.len()).map(|index| folder.path().join(format!("{index}.toml"))).collect();
    for (path, text) in default.iter().zip(texts) {
        write(path, text);
    }
    let config = load(&Files { default, explicit: None }, own());
    (folder, config)
}

fn write(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn with_no_file_everything_has_a_default() {
    let config = Config::defaults().unwrap();
    assert_eq!(config.ports.range, PortRange { first: 8080, last: 9080 });
    assert_eq!(config.ports.reserved, [PortRange { first: 8443, last: 8443 }, PortRange { first: 9000, last: 9009 }]);
    assert_eq!((config.ports.modulus, config.ports.block), (1000, 10));
    assert_eq!(config.ports.quarantine, Duration::from_secs(24 * 3600));
    assert_eq!(config.layout.log, "{base}/users/{user}/logs/server.log");
    assert_eq!(config.layout.state, None);
    let template = &config.templates["default"];
    assert_eq!(template.command, ["node", "src/main.js", "--config={config}"]);
    assert_eq!(template.environment["NODE_ENV"], "production");
    assert_eq!((template.start_timeout, template.stop_timeout), (Duration::from_secs(60), Duration::from_secs(10)));
    assert_eq!((template.memory_max, template.cpu_max, template.tasks_max), (Some(512 << 20), Some(50), Some(256)));
    assert_eq!((template.log_max, template.log_keep, template.restart), (Some(10 << 20), 3, Restart::OnFailure));
    assert_eq!(template.health.as_deref(), Some("/health"));
    assert_eq!(config.discover.len(), 6);
    let guide = &config.templates[&config.discover[2].template];
    assert_eq!((guide.command.join(" ").as_str(), guide.directory.as_str()), ("node dist/indexSSE.js", "{base}"));
    assert!(!config.discover.iter().any(|entry| matches!(entry.source, Source::Mdns(_))));
    assert_eq!(config.access.owners_may.len(), 4);
    assert_eq!(config.daemon.http, None);
    assert_eq!(config.sampling.ports, Duration::from_millis(100));
    assert_eq!((config.sampling.processes, config.sampling.discover), (Duration::from_secs(1), Duration::from_secs(1)));
}

/// `blank()` values must never be seen: the defaults say every key but those that are commented out in them.
#[test]
fn the_defaults_leave_out_only_what_is_optional() {
    use super::apply::Section;
    let config = Config::defaults().unwrap();
    let sections: [(&str, &[&str]); 11] = [
        ("console", Console::KEYS),
        ("ports", Ports::KEYS),
        ("layout", Layout::KEYS),
        ("template.default", Template::KEYS),
        ("access", Access::KEYS),
        ("firewall", Firewall::KEYS),
        ("findings", Findings::KEYS),
        ("daemon", Daemon::KEYS),
        ("docker", Docker::KEYS),
        ("events", Events::KEYS),
        ("sampling", Sampling::KEYS),
    ];
    let known: Vec<String> = config.describe().into_iter().map(|(key, _, _)| key).collect();
    for (table, keys) in sections {
        for key in keys {
            let path = format!("{table}.{key}");
            let told = known.iter().any(|known| *known == path || known.starts_with(&format!("{path}.")));
            let optional =
                ["layout.state", "console.theme", "template.default.env_file", "template.default.run_as"].contains(&path.as_str());
            assert_eq!(told, !optional, "{path}");
            // Also what is commented out is documented.
            assert!(Config::example().contains(&format!("{key} = ")), "{path}");
        }
    }
}

#[test]
fn what_is_commented_out_in_the_example_is_right_too() {
    let text: String = Config::example()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if (rest.contains(" = \"") || rest.contains(" = [\"")) && !rest.contains('`') || rest.starts_with('[') => {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let (_folder, config) = layered(&[&text]);
    let config = config.unwrap();
    assert_eq!(config.layout.state.as_deref(), Some(Path::new("/var/lib/berth")));
    assert_eq!(config.templates["default"].run_as.as_deref(), Some("sdpservice"));
    assert!(matches!(&config.discover.last().unwrap().source, Source::Mdns(_)));
    assert_eq!(config.console.theme.as_deref(), Some("dark"));
    let keys: Vec<&str> = config.keys[0].keys.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!((config.keys[0].section.as_str(), config.keys[0].action.as_str(), keys), ("instances", "restart", vec!["R", "f5"]));
}

#[test]
fn a_layer_is_a_partial_patch() {
    let (_folder, config) = layered(&[
        "[ports]\nrange = \"9000-9100\"\nreserved = [9001]\n[template.default.environment]\nA = \"1\"\nB = \"2\"\n[[discover]]\npm2 = \"x\"\n",
        "[ports]\nblock = 20\nreserved = []\n[template.default]\nenvironment = { B = \"3\" }\n[[discover]]\ndocker = \"y\"\n",
    ]);
    let config = config.unwrap();
    assert_eq!((config.ports.range.first, config.ports.block, config.ports.modulus), (9000, 20, 1000));
    assert!(config.ports.reserved.is_empty());
    let environment: Vec<String> = config.templates["default"].environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(environment, ["A=1", "B=3", "NODE_ENV=production"]);
    assert_eq!(config.discover, [Discover { source: Source::Docker("y".to_owned()), template: "default".to_owned() }]);
}

#[test]
fn a_template_takes_over_what_it_does_not_say() {
    let (_folder, config) = layered(&[
        "[template.reports]\ncommand = [\"python3\", \"-m\", \"reports\"]\nmemory_max = \"off\"\n[[discover]]\nconfig = \"/srv/*/c.json\"\ntemplate = \"reports\"\n",
        "[template.default]\nstop_timeout = \"3s\"\n",
    ]);
    let config = config.unwrap();
    let template = &config.templates["reports"];
    assert_eq!((template.command[0].as_str(), template.memory_max), ("python3", None));
    assert_eq!(template.stop_timeout, Duration::from_secs(3), "also what a later layer says of the default");
    assert_eq!(template.environment["NODE_ENV"], "production");
    assert_eq!(config.discover[0].template, "reports");
}

#[test]
fn every_value_knows_where_it_came_from() {
    let (folder, config) = layered(&["\n[ports]\nrange = \"9000-9100\"\n[template.default.environment]\nMCP_API_KEY = \"hunter2\"\n"]);
    let config = config.unwrap();
    let file = folder.path().join("0.toml");
    let line = |key: &str| {
        let (_, value, origin) = config.describe().into_iter().find(|(known, _, _)| known == key).unwrap();
        format!("{value} {origin}")
    };
    assert_eq!(line("ports.range"), format!("\"9000-9100\" {}:3", file.display()));
    assert_eq!(line("ports.block"), "10 default");
    assert_eq!(line("ports.reserved"), "[8443, \"9000-9009\"] default");
    assert_eq!(line("discover[2].port_key"), "\"SDP_HTTP_PORT\" default");
    assert_eq!(line("template.default.environment.NODE_ENV"), "\"production\" default");
    assert_eq!(line("template.default.environment.MCP_API_KEY"), format!("(hidden) {}:5", file.display()));
    assert_eq!(config.origins.of_key("ports.block"), Some(&Origin::Default));
    assert_eq!(config.files, [file]);
}

#[test]
fn an_explicit_file_must_be_there_and_a_default_one_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    assert!(load(&Files { default: vec![missing.clone()], explicit: None }, own()).is_ok());
    let error = load(&Files { default: vec![], explicit: Some(missing.clone()) }, own()).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no configuration {}", missing.display()));
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn the_same_file_named_twice_is_one_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("berth.toml");
    write(&path, "[ports]\nblock = 3\n");
    let config = load(&Files { default: vec![path.clone()], explicit: Some(path.clone()) }, own()).unwrap();
    assert_eq!(config.files, [path]);
}

#[test]
fn the_state_directory_follows_its_order() {
    let (_folder, config) = layered(&["[layout]\nstate = \"/srv/state\"\n"]);
    let (named, plain) = (config.unwrap(), Config::defaults().unwrap());
    let state = |config: &Config, is_root: bool, variables: &[(&str, &str)]| {
        let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        config.state_directory_of(is_root, variable).display().to_string()
    };
    let home = ("HOME", "/home/a");
    assert_eq!(state(&named, true, &[("BERTH_STATE", "/tmp/s"), home]), "/tmp/s");
    assert_eq!(state(&named, true, &[("BERTH_STATE", "")]), "/srv/state");
    assert_eq!(state(&named, false, &[home]), "/srv/state");
    assert_eq!(state(&plain, true, &[home]), "/var/lib/berth");
    assert_eq!(state(&plain, false, &[("XDG_STATE_HOME", "/x"), home]), "/x/berth");
    assert_eq!(state(&plain, false, &[("XDG_STATE_HOME", "x"), home]), "/home/a/.local/state/berth");
    assert_eq!(state(&plain, false, &[]), "/var/lib/berth");
}

#[test]
fn the_users_file_lies_below_the_home_directory() {
    let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/a"));
    assert_eq!(beneath_home("XDG_CONFIG_HOME", ".config", home), Some("/home/a/.config".into()));
    assert_eq!(beneath_home("XDG_CONFIG_HOME", ".config", |_| None), None);
    assert_eq!(beneath_home("XDG_CONFIG_HOME", ".config", |_| Some("/x".into())), Some("/x".into()));
}

/// Each fixture holds one mistake, and its first line the message that it must give after `FILE:`.
#[test]
fn every_mistake_has_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/configs/invalid");
    let mut names: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 40, "{} fixtures", names.len());
    // A working copy may be writable by a group; a copy in a directory of one's own never is.
    let place = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for name in names {
        let bytes = fs::read(&name).unwrap();
        let expected = String::from_utf8_lossy(&bytes).lines().next().unwrap().strip_prefix("# ").unwrap().to_owned();
        let copy = place.path().join(name.file_name().unwrap());
        write(&copy, "");
        fs::write(&copy, &bytes).unwrap();
        let told = match load(&Files { default: vec![], explicit: Some(copy.clone()) }, own()) {
            Ok(_) => "nothing is wrong with it".to_owned(),
            Err(error) => {
                assert_eq!(error.exit_code(), 2, "{name:?}");
                error.to_string().replace(&format!("{}:", copy.display()), "")
            }
        };
        if told != expected {
            wrong.push(format!("{}\n  expected {expected}\n  told     {told}", name.file_name().unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
