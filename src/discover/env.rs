//! An environment file as a declaration: its port, its address, the names of its variables.
//!
//! It must never let a value out: what is kept of a file are its port and its address.

use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Config, Template};
use crate::domain::{Assignment, Declared, EnvFile, Shown, read_env, value_of};
use crate::hand::{FileFacts, Identity, Reader};

use super::declare::LONGEST;
use super::example::{Example, Examples};
use super::server_config::{Fault, ServerConfig};

/// Where the port is looked for when `[[discover]]` gives no `port_key`, the first that is there.
const PORT_KEYS: [&str; 3] = ["PORT", "MCP_PORT", "MCP_HTTP_PORT"];

/// How many variables a file may set: their names stay in memory.
const MOST: usize = 1000;

/// Reads a file as its account. What could be read is told beside the fault.
///
/// # Errors
/// The reader's.
pub fn read(reader: &Reader, who: &Identity, root: &Path, beneath: &Path) -> io::Result<(Vec<Assignment>, Option<Fault>)> {
    let bytes = reader.read(who, root, beneath, LONGEST)?;
    let (mut assignments, fault) = read_env(&bytes);
    let fault = fault.map(|fault| Fault { line: Some(fault.line), column: Some(fault.column), reason: fault.reason });
    if assignments.len() > MOST {
        let line = assignments.get(MOST).map(|assignment| assignment.line);
        assignments.truncate(MOST);
        let reason = format!("it sets more than {MOST} variables; take out what the server does not read");
        return Ok((assignments, fault.or(Some(Fault { line, column: None, reason }))));
    }
    Ok((assignments, fault))
}

/// The port and the address that a file sets.
pub fn server(assignments: &[Assignment], port_key: Option<&str>) -> (ServerConfig, Option<Fault>) {
    let mut config = ServerConfig::default();
    let Some(assignment) = port_variable(assignments, port_key) else {
        return (config, Some(Fault { line: None, column: None, reason: no_port(assignments, port_key) }));
    };
    config.host = host(assignments, &assignment.name);
    let digits = assignment.value.trim();
    let number = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())).and_then(|digits| digits.parse().ok());
    config.port = number.filter(|port| *port > 0);
    if config.port.is_some() {
        return (config, None);
    }
    let what = if digits.is_empty() { "is empty; it" } else { "" };
    let reason = format!("{} {what} must be a number from 1 to 65535", assignment.name).replace("  ", " ");
    (config, Some(Fault { line: Some(assignment.line), column: Some(assignment.column), reason }))
}

/// Why there is no port, with the variable that was probably meant.
/// What says the port.
pub fn port_variable<'file>(assignments: &'file [Assignment], port_key: Option<&str>) -> Option<&'file Assignment> {
    let is_set = |key: &&str| value_of(assignments, key).is_some_and(|assignment| !assignment.value.is_empty());
    let key = port_key.or_else(|| PORT_KEYS.into_iter().find(is_set));
    key.and_then(|key| value_of(assignments, key))
}

fn no_port(assignments: &[Assignment], port_key: Option<&str>) -> String {
    let Some(key) = port_key else {
        let ends_so = |assignment: &&Assignment| assignment.name.to_ascii_uppercase().ends_with("PORT");
        let meant = assignments.iter().find(ends_so).map_or("NAME", |assignment| assignment.name.as_str());
        let looked_for = PORT_KEYS.join(", ");
        return format!("it sets no port ({looked_for} are looked for); write port_key = \"{meant}\" below the [[discover]] that found it");
    };
    format!("it sets no {key}, which port_key names; write {key}=PORT into it")
}

/// The address: the port's variable with HOST for PORT, else `HOST`. What is no address is the server's own affair.
fn host(assignments: &[Assignment], port_key: &str) -> Option<std::net::IpAddr> {
    let beside = port_key.strip_suffix("PORT").map(|stem| format!("{stem}HOST"));
    let assignment = beside.and_then(|key| value_of(assignments, &key)).or_else(|| value_of(assignments, "HOST"))?;
    match assignment.value.trim() {
        "localhost" => Some([127, 0, 0, 1].into()),
        text => text.parse().ok(),
    }
}

/// What is kept of a file.
pub fn kept(path: PathBuf, root: PathBuf, assignments: &[Assignment], example: Option<&Example>, template: &Template) -> EnvFile {
    let mut names: Vec<&str> = assignments.iter().map(|assignment| assignment.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let is_empty = |name: &&&str| value_of(assignments, name).is_some_and(|assignment| assignment.value.is_empty());
    let shown = |names: Vec<&str>| names.into_iter().map(Shown::new).collect();
    let (missing, untouched) = example.map(|example| example.lacking(assignments, &template.environment)).unwrap_or_default();
    EnvFile {
        path,
        root,
        port_name: None,
        empty: names.iter().filter(is_empty).map(|name| Shown::new(name)).collect(),
        names: shown(names),
        example: example.map(|example| Shown::new(&example.path.to_string_lossy())),
        missing: shown(missing),
        untouched: shown(untouched),
    }
}

/// Which part of the template's environment file is the administrator's: opened as it is, while no link is followed below it.
///
/// The pattern's own root, else what stands before the first placeholder, else nothing.
pub fn root_of(path: &Path, pattern_root: &Path, template: &Template, config: &Config) -> PathBuf {
    if path.starts_with(pattern_root) {
        return pattern_root.to_owned();
    }
    let text = template.env_file.as_deref().unwrap_or_default();
    let text = if text.starts_with(['/', '{']) { text.to_owned() } else { format!("{}/{text}", template.directory) };
    let text = text.replace("{base}", &config.layout.base);
    let literal = text.split('{').next().unwrap_or_default();
    let root = literal.rsplit_once('/').map_or("/", |(root, _)| root);
    if !root.is_empty() && path.starts_with(root) { PathBuf::from(root) } else { PathBuf::from("/") }
}

/// What else than its configuration an instance was declared from. When it changes, the instance is declared anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    env_file: Option<FileFacts>,
    example: Option<(PathBuf, FileFacts)>,
}

/// What lies beside the configuration of a declared instance now.
pub fn beside(reader: &Reader, examples: &mut Examples, who: &Identity, declared: &Declared) -> Beside {
    let Some(file) = &declared.env_file else { return Beside::default() };
    let beneath = file.path.strip_prefix(&file.root).unwrap_or(&file.path);
    let facts = if file.path == declared.config { None } else { reader.stat(who, &file.root, beneath).ok() };
    let example = examples.beside(reader, who, &file.root, beneath).map(|example| (example.path.clone(), example.facts));
    Beside { env_file: facts, example }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line and the reason.
    type Told = Option<(Option<u32>, String)>;

    fn told(text: &str, port_key: Option<&str>) -> (Option<u16>, Option<String>, Told) {
        let (config, fault) = server(&read_env(text.as_bytes()).0, port_key);
        (config.port, config.host.map(|host| host.to_string()), fault.map(|fault| (fault.line, fault.reason)))
    }

    #[test]
    fn the_port_is_found() {
        let cases = [
            ("PORT=3456", None, Some(3456)),
            ("export PORT = '3456' # mine", None, Some(3456)),
            ("PORT=\" 3456 \"", None, Some(3456)),
            ("PORT=3456\nPORT=3457", None, Some(3457)),
            ("MCP_PORT=1\nPORT=2", None, Some(2)),
            ("PORT=\nMCP_HTTP_PORT=3", None, Some(3)),
            ("SDP_HTTP_PORT=3456\nPORT=1", Some("SDP_HTTP_PORT"), Some(3456)),
            ("PORT=0x50", None, None),
            ("PORT=+80", None, None),
            ("PORT=0", None, None),
            ("PORT=65536", None, None),
            ("PORT=8080", Some("SDP_HTTP_PORT"), None),
        ];
        for (text, key, port) in cases {
            let (found, _, fault) = told(text, key);
            assert_eq!((found, fault.is_none()), (port, port.is_some()), "{text}");
        }
    }

    #[test]
    fn a_wrong_port_is_told_with_its_line_and_without_its_value() {
        let fault = |text: &str, key| told(text, key).2.unwrap();
        assert_eq!(fault("A=1\nPORT=hunter2", None), (Some(2), "PORT must be a number from 1 to 65535".to_owned()));
        assert_eq!(fault("X_PORT=\n", Some("X_PORT")), (Some(1), "X_PORT is empty; it must be a number from 1 to 65535".to_owned()));
        assert_eq!(fault("A=1", Some("X_PORT")), (None, "it sets no X_PORT, which port_key names; write X_PORT=PORT into it".to_owned()));
        let (line, reason) = fault("A=1\nSDP_HTTP_PORT=3456", None);
        assert!(line.is_none() && reason.contains("port_key = \"SDP_HTTP_PORT\""), "{reason}");
    }

    #[test]
    fn the_address_stands_beside_the_port() {
        let cases = [
            ("PORT=1\nHOST=127.0.0.1", None, Some("127.0.0.1")),
            ("PORT=1\nHOST=localhost", None, Some("127.0.0.1")),
            ("PORT=1\nHOST='::1'", None, Some("::1")),
            ("SDP_HTTP_PORT=1\nSDP_HTTP_HOST=0.0.0.0\nHOST=127.0.0.1", Some("SDP_HTTP_PORT"), Some("0.0.0.0")),
            ("SDP_HTTP_PORT=1\nHOST=127.0.0.1", Some("SDP_HTTP_PORT"), Some("127.0.0.1")),
            ("PORT=1\nHOST=build-7.example.net", None, None),
            ("PORT=1", None, None),
        ];
        for (text, key, host) in cases {
            assert_eq!(told(text, key).1.as_deref(), host, "{text}");
        }
    }

    #[test]
    fn the_administrators_part_ends_before_the_first_placeholder() {
        let config = Config::defaults().unwrap();
        let mut template = config.templates["default"].clone();
        let cases = [
            ("/opt/mcp-server", ".env.{user}", "/opt/mcp-server/.env.amy", "/opt/mcp-server"),
            ("{base}", ".env.{user}", "/opt/mcp-server/.env.amy", "/opt/mcp-server"),
            ("/x", "{base}/users/{user}/.env", "/opt/mcp-server/users/amy/.env", "/opt/mcp-server/users"),
            ("/x", "/etc/mcp/shared.env", "/etc/mcp/shared.env", "/etc/mcp"),
            ("{workspace}", ".env", "/home/amy/.env", "/"),
            ("/x", "/srv/trees/amy/.env", "/srv/trees/amy/.env", "/srv/trees"),
        ];
        for (directory, text, path, root) in cases {
            (template.directory, template.env_file) = (directory.to_owned(), Some(text.to_owned()));
            assert_eq!(root_of(Path::new(path), Path::new("/srv/trees"), &template, &config), Path::new(root), "{directory} {text}");
        }
    }
}
