//! What somebody has to know beside an entry: where the key comes from, and what answers at that address now.
//!
//! It must never hold a secret, nor keep silent when somebody else's process would be sent one.

use super::{Access, Client, Transport, is_loopback, snippet};
use crate::domain::{Code, Row, Snapshot, State};
use crate::present::command::Program;

/// The notes to an instance's entry, the gravest first.
pub fn notes(client: Client, access: &Access, row: &Row, snapshot: &Snapshot, program: &Program) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(stranger(access, row, snapshot));
    notes.extend(not_there(row, program));
    notes.extend(second_server(row));
    notes.extend(access.key.as_ref().map(|key| where_the_key_is(client, key)));
    notes.extend(of_tls(client, access, row));
    if access.transport == Transport::Sse {
        let codex = if client == Client::Codex { "; Codex does not speak it, so mcp-remote stands between" } else { "" };
        notes.push(format!("what it is started with says SSE, which MCP has deprecated{codex}"));
    }
    if client == Client::ClaudeDesktop {
        notes.push(
            "Claude Desktop only starts programs: mcp-remote, run by npx of Node.js, goes to the server that runs already".to_owned(),
        );
    }
    if client == Client::ClaudeCodeFile {
        notes.push(format!("the same as a command: {}", snippet(Client::ClaudeCode, access)));
    }
    if is_loopback(&access.url)
        && let Some(port) = row.port
    {
        let host = host_of(&access.url).unwrap_or("127.0.0.1");
        notes.push(format!("only programs on {} get there; from elsewhere first: ssh -L {port}:{host}:{port} {0}", snapshot.host));
    }
    notes
}

/// The host of an address as it stands there, brackets included: on another one of the loopback's somebody else may listen.
fn host_of(url: &str) -> Option<&str> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once(':').map(|(host, _)| host)
}

/// Whose process a client would reach now, where it is not the instance's. Its key would go there.
fn stranger(access: &Access, row: &Row, snapshot: &Snapshot) -> Option<String> {
    let held = |code| matches!(code, Code::PortTaken | Code::PortShadowed);
    let finding = snapshot.findings_of(&row.id).find(|finding| held(finding.code))?;
    let key = if access.key.is_some() { ", and is sent the key" } else { "" };
    Some(format!("a client that goes to {} now may reach somebody else{key}: {}", access.url, finding.evidence))
}

/// What a client that asks authorities has to be told of a certificate that signs itself.
fn of_tls(client: Client, access: &Access, row: &Row) -> Option<String> {
    if !access.url.starts_with("https://") {
        return None;
    }
    let shown = row.probed.as_ref().and_then(|probed| probed.certificate.as_deref());
    let which = shown.map(|shown| format!(", {}", shown.print.short())).unwrap_or_default();
    let how = match client {
        Client::ClaudeCode | Client::ClaudeCodeFile | Client::ClaudeDesktop | Client::VsCode | Client::Cursor => {
            "NODE_EXTRA_CA_CERTS=FILE in its environment has it believed"
        }
        Client::Codex => "SSL_CERT_FILE=FILE in its environment has it believed",
        Client::Other => "it has to be believed there, too",
    };
    Some(format!("its certificate{which} is most likely nobody's but its own: {how}"))
}

/// Why nobody answers there.
fn not_there(row: &Row, program: &Program) -> Option<String> {
    let (id, port) = (&row.id, row.port?);
    match row.state {
        State::Stopped | State::Crashed | State::CrashLoop => {
            Some(format!("{id} is {}: {} has it answer on the same port", row.state.word(), program.about("start", id)))
        }
        State::Starting | State::Stopping => Some(format!("{id} is {}", row.state.word())),
        State::Unknown => Some(format!("whether {id} runs is not known")),
        State::Running | State::Degraded if row.listening.iter().any(|(endpoint, _)| endpoint.port == port) => None,
        State::Running | State::Degraded => Some(match row.listening.first() {
            Some((endpoint, _)) => format!(
                "{id} listens on {endpoint} and not on its port {port}: {} brings it there, {} keeps it where it is",
                program.about("restart", id),
                program.about("adopt", id)
            ),
            None => format!("{id} runs, but does not listen on its port {port}: {}", program.about("show", id)),
        }),
    }
}

/// The service desk's guide gives its users an entry that starts the server itself.
fn second_server(row: &Row) -> Option<String> {
    let file = row.declared.as_ref()?.env_file.as_ref()?;
    let name = file.path.file_name()?.to_string_lossy();
    let name = crate::domain::Shown::new(&name);
    Some(format!(
        "an entry with a \"command\" that loads {name}, as the service desk's guide has it, starts a second server with the same credentials, \
         which cannot have port {} either; this one goes to the server that runs",
        row.port?
    ))
}

fn where_the_key_is(client: Client, key: &str) -> String {
    match client {
        Client::VsCode => format!("VS Code asks for the key, {key}, once and keeps it itself"),
        Client::ClaudeDesktop | Client::Other => {
            format!("put the key in the place of <{key}>, and let nobody else read that file: this client takes no reference")
        }
        Client::ClaudeCode | Client::ClaudeCodeFile => {
            format!(
                "the key stays in the environment: export {key} where Claude Code is started; unset, it sends the reference as it stands"
            )
        }
        Client::Cursor | Client::Codex => format!("the key stays in the environment: export {key} where {} is started", client.program()),
    }
}
