//! The demo's directory, laid out as the deployment guide has it, and the configuration that describes it.
//!
//! It must never write anywhere but below the directory that it is given.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::cast::{MEMBERS, Member};
use super::mark::{Mark, VARIABLE};
use crate::domain::PortRange;

/// What the tree is made for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The directory; it exists and is empty.
    pub directory: PathBuf,
    /// The demo's ports.
    pub range: PortRange,
    /// This program.
    pub program: PathBuf,
    /// The account that everything runs as: its name, or its uid in digits.
    pub account: String,
    /// What every server bears.
    pub mark: Mark,
}

/// Writes the tree and returns the path of its `berth.toml`.
///
/// # Errors
/// What the file system says.
pub fn write(plan: &Plan) -> io::Result<PathBuf> {
    for member in MEMBERS {
        let home = plan.directory.join("users").join(member.owner);
        for part in ["config", "workspace", "logs"] {
            DirBuilder::new().mode(0o700).recursive(true).create(home.join(part))?;
        }
        write_file(&home.join("config/config.json"), &settings(plan, &member, &home))?;
    }
    DirBuilder::new().mode(0o700).create(plan.directory.join("state"))?;
    let config = plan.directory.join("berth.toml");
    write_file(&config, &configuration(plan))?;
    Ok(config)
}

/// Whether a path can stand in a configuration without meaning something else: braces are placeholders, stars are patterns.
pub fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.to_str().is_some_and(|text| !text.contains(['{', '}', '*', '?', '[', ']']) && !text.contains(char::is_control))
}

/// A server's configuration, as the guide's scripts write it; `demo` says how it behaves.
fn settings(plan: &Plan, member: &Member, home: &Path) -> String {
    let mut name = member.owner.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let value = json!({
        "port": plan.range.first + member.place,
        "host": "127.0.0.1",
        "serverName": format!("{name} MCP Server"),
        "serverVersion": "1.0.0",
        "workspace": home.join("workspace"),
        "demo": member.temper.word(),
    });
    format!("{value:#}\n")
}

fn configuration(plan: &Plan) -> String {
    let base = quoted(&plan.directory.to_string_lossy());
    let below = |rest: &str| quoted(&plan.directory.join(rest).to_string_lossy());
    let program = quoted(&plan.program.to_string_lossy());
    let account = quoted(&plan.account);
    let mark = quoted(plan.mark.value());
    let admins = if plan.account == "root" { account.clone() } else { format!("{}, {account}", quoted("root")) };
    format!(
        r#"# berth's demo: it is gone when the demo ends.
[ports]
range = "{range}"
reserved = []

[layout]
base = {base}
config = "{{base}}/users/{{user}}/config/config.json"
workspace = "{{base}}/users/{{user}}/workspace"
log = "{{base}}/users/{{user}}/logs/server.log"
pid = "{{base}}/users/{{user}}/server.pid"
state = {state}

[template.default]
supervisor = "process"
command = [{program}, "demo-server", "--config={{config}}"]
directory = {base}
host = "127.0.0.1"
environment = {{ {VARIABLE} = {mark} }}
run_as = {account}
start_timeout = "10s"
stop_timeout = "3s"
restart = "no"

[[discover]]
config = {pattern}

[access]
admins = [{admins}]

# All of it is one account's, for a short while, and asks nobody for credentials.
[findings]
accept = ["runs-as-root", "auth-missing"]
"#,
        range = plan.range,
        state = below("state"),
        pattern = below("users/*/config/config.json"),
    )
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Makes the demo's directory below the temporary one.
///
/// # Errors
/// What the file system says: it must not exist yet.
pub fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory)
}

/// Where the demo's directory is to be: below `$TMPDIR` where that can be used, else below /tmp.
pub fn place(mark: &Mark) -> PathBuf {
    let usable = |path: &PathBuf| is_plain(path) && path.is_dir();
    let parent = fs::canonicalize(std::env::temp_dir()).ok().filter(usable).unwrap_or_else(|| PathBuf::from("/tmp"));
    parent.join(format!("berth-demo-{}", mark.short()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::os::unix::fs::PermissionsExt;

    fn written() -> (tempfile::TempDir, Plan, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("berth-demo-x");
        make(&directory).unwrap();
        let plan = Plan {
            directory,
            range: PortRange { first: 8100, last: 8139 },
            program: PathBuf::from("/usr/bin/be\"rth"),
            account: "anna".to_owned(),
            mark: Mark::new().unwrap(),
        };
        let config = write(&plan).unwrap();
        (parent, plan, config)
    }

    #[test]
    fn six_owners_are_laid_out_as_the_guide_has_it() {
        let (_parent, plan, _) = written();
        let mut ports: HashMap<u64, Vec<String>> = HashMap::new();
        for member in MEMBERS {
            let home = plan.directory.join("users").join(member.owner);
            assert!(home.join("workspace").is_dir() && home.join("logs").is_dir());
            let text = fs::read_to_string(home.join("config/config.json")).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!((value["host"].as_str(), value["serverVersion"].as_str()), (Some("127.0.0.1"), Some("1.0.0")));
            assert_eq!(value["workspace"].as_str(), home.join("workspace").to_str());
            ports.entry(value["port"].as_u64().unwrap()).or_default().push(member.owner.to_owned());
        }
        assert_eq!(ports.get(&8107), Some(&vec!["carol".to_owned(), "dave".to_owned()]));
        assert_eq!(ports.len(), 5);
    }

    #[test]
    fn nobody_else_may_look_in() {
        let (_parent, plan, config) = written();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&plan.directory), mode(&config)), (0o700, 0o600));
        assert!(make(&plan.directory).is_err(), "a directory that was there before is not taken");
    }

    #[test]
    fn the_configuration_is_toml_with_everything_in_the_tree() {
        let (_parent, plan, config) = written();
        let text = fs::read_to_string(config).unwrap();
        let table: toml::Table = text.parse().unwrap();
        let template = &table["template"]["default"];
        assert_eq!(template["command"][0].as_str(), Some("/usr/bin/be\"rth"));
        assert_eq!(template["command"][2].as_str(), Some("--config={config}"));
        assert_eq!(template["environment"][VARIABLE].as_str(), Some(plan.mark.value()));
        assert_eq!(template["run_as"].as_str(), Some("anna"));
        assert_eq!(table["ports"]["range"].as_str(), Some("8100-8139"));
        for key in ["base", "state"] {
            assert!(Path::new(table["layout"][key].as_str().unwrap()).starts_with(&plan.directory), "{key}");
        }
        assert_eq!(table["discover"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_path_that_would_be_a_pattern_is_not_used() {
        for (path, plain) in [("/tmp", true), ("/tmp/a b", true), ("tmp", false), ("/tmp/{x}", false), ("/tmp/*", false), ("/t\nmp", false)]
        {
            assert_eq!(is_plain(Path::new(path)), plain, "{path}");
        }
    }
}
