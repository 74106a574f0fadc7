//! Each client's entry, as that client documents it.

use super::*;
use crate::present::fleet::fleet;

fn access(key: Option<&str>) -> Access {
    Access {
        name: "bob-tools".to_owned(),
        url: "http://127.0.0.1:8102/mcp".to_owned(),
        transport: Transport::Http,
        key: key.map(str::to_owned),
    }
}

#[test]
fn the_url_is_one_that_can_be_reached() {
    let mut row = (*fleet().rows[0]).clone();
    for (host, expected) in [
        (Some("127.0.0.1"), "http://127.0.0.1:8101/mcp"),
        (Some("0.0.0.0"), "http://127.0.0.1:8101/mcp"),
        (Some("::"), "http://[::1]:8101/mcp"),
        (Some("192.0.2.7"), "http://192.0.2.7:8101/mcp"),
        (None, "http://127.0.0.1:8101/mcp"),
    ] {
        row.host = host.map(|host| host.parse().unwrap());
        assert_eq!(url(&row).as_deref(), Some(expected));
    }
    row.port = None;
    assert_eq!(Access::of(&row), None);
}

#[test]
fn a_name_is_plain_and_guarded_ones_want_a_key() {
    let fleet = fleet();
    let tools = Access::of(&fleet.rows[1]).unwrap();
    assert_eq!((tools.name.as_str(), tools.key), ("bob-tools", None));
    assert_eq!(Access::of(&fleet.rows[3]).unwrap().key.as_deref(), Some("MCP_API_KEY"), "dave answers 401");
}

#[test]
fn every_entry_is_what_its_client_reads() {
    let json = |client, key| serde_json::from_str::<Value>(&snippet(client, &access(key))).unwrap();
    let url = "http://127.0.0.1:8102/mcp";
    assert_eq!(snippet(Client::ClaudeCode, &access(None)), format!("claude mcp add --transport http bob-tools {url}"));
    assert_eq!(
        snippet(Client::ClaudeCode, &access(Some("K"))),
        format!("claude mcp add --transport http bob-tools {url} --header 'Authorization: Bearer ${{K}}'")
    );
    assert_eq!(json(Client::ClaudeCodeFile, None), json!({ "mcpServers": { "bob-tools": { "type": "http", "url": url } } }));
    assert_eq!(json(Client::ClaudeCodeFile, Some("K"))["mcpServers"]["bob-tools"]["headers"]["Authorization"], "Bearer ${K}");
    assert_eq!(json(Client::VsCode, None), json!({ "servers": { "bob-tools": { "type": "http", "url": url } } }));
    let code = json(Client::VsCode, Some("K"));
    assert_eq!(code["servers"]["bob-tools"]["headers"]["Authorization"], "Bearer ${input:K}");
    assert_eq!((&code["inputs"][0]["id"], &code["inputs"][0]["password"]), (&json!("K"), &json!(true)));
    assert_eq!(json(Client::Cursor, None), json!({ "mcpServers": { "bob-tools": { "url": url } } }), "Cursor knows no type");
    assert_eq!(json(Client::Cursor, Some("K"))["mcpServers"]["bob-tools"]["headers"]["Authorization"], "Bearer ${env:K}");
    let desktop = json(Client::ClaudeDesktop, Some("K"));
    assert_eq!(desktop["mcpServers"]["bob-tools"]["command"], "npx", "its file knows no URL");
    assert_eq!(desktop["mcpServers"]["bob-tools"]["args"][4], "Authorization:${AUTHORIZATION}");
    assert_eq!(snippet(Client::Codex, &access(None)), format!("[mcp_servers.bob-tools]\nurl = \"{url}\"\n"));
    assert!(snippet(Client::Codex, &access(Some("K"))).ends_with("bearer_token_env_var = \"K\"\n"));
    assert_eq!(json(Client::Other, None)["mcpServers"]["bob-tools"]["type"], "http");
}

/// Every client's entry, plain, with a key, by SSE, and at another host: text for text.
#[test]
fn the_table_of_entries() {
    let file = |outer: &str, entry: Value| json!({ outer: { "n": entry } });
    let local = "http://127.0.0.1:1/mcp";
    let entry = |client, transport: Transport, url: &str, key: Option<&str>| {
        let access = Access { name: "n".to_owned(), url: url.to_owned(), transport, key: key.map(str::to_owned) };
        let text = snippet(client, &access);
        assert!(!text.contains("${}") && text.contains(url), "{text}");
        if client.reads_json() { serde_json::from_str::<Value>(&text).unwrap() } else { toml::from_str::<Value>(&text).unwrap() }
    };
    use {Client::*, Transport::*};
    let bearer = |text: &str| json!({ "Authorization": format!("Bearer {text}") });
    let remote = "http://192.0.2.7:1/mcp";
    let cases = [
        (ClaudeCodeFile, Http, local, None, file("mcpServers", json!({ "type": "http", "url": local }))),
        (ClaudeCodeFile, Sse, local, Some("K"), file("mcpServers", json!({ "type": "sse", "url": local, "headers": bearer("${K}") }))),
        (VsCode, Sse, local, None, file("servers", json!({ "type": "sse", "url": local }))),
        (
            VsCode,
            Http,
            local,
            Some("K"),
            json!({
                "inputs": [{ "type": "promptString", "id": "K", "description": "The key of n", "password": true }],
                "servers": { "n": { "type": "http", "url": local, "headers": bearer("${input:K}") } }
            }),
        ),
        (Cursor, Http, local, None, file("mcpServers", json!({ "url": local }))),
        (Cursor, Sse, local, Some("K"), file("mcpServers", json!({ "url": local, "headers": bearer("${env:K}") }))),
        (ClaudeDesktop, Http, local, None, file("mcpServers", json!({ "command": "npx", "args": ["-y", "mcp-remote", local] }))),
        (
            ClaudeDesktop,
            Http,
            remote,
            Some("K"),
            file(
                "mcpServers",
                json!({
                    "command": "npx",
                    "args": ["-y", "mcp-remote", remote, "--allow-http", "--header", "Authorization:${AUTHORIZATION}"],
                    "env": { "AUTHORIZATION": "Bearer <K>" }
                }),
            ),
        ),
        (Codex, Http, local, None, file("mcp_servers", json!({ "url": local }))),
        (Codex, Http, local, Some("K"), file("mcp_servers", json!({ "url": local, "bearer_token_env_var": "K" }))),
        (
            Codex,
            Sse,
            local,
            Some("K"),
            file(
                "mcp_servers",
                json!({
                    "command": "npx",
                    "args": ["-y", "mcp-remote", local, "--header", "Authorization:Bearer ${K}"],
                    "env_vars": ["K"]
                }),
            ),
        ),
    ];
    for (client, transport, url, key, expected) in cases {
        assert_eq!(entry(client, transport, url, key), expected, "{client:?} {transport:?} {key:?}");
    }
}

/// The service desk's alice, from her environment file.
fn service_desk() -> (Row, Access) {
    let mut row = (*fleet().rows[0]).clone();
    let mut declared = (**row.declared.as_ref().unwrap()).clone();
    let names = ["MCP_API_KEY", "SDP_CLIENT_SECRET", "SDP_HTTP_PORT"].map(crate::domain::Shown::from).to_vec();
    declared.env_file = Some(crate::domain::EnvFile { path: "/opt/sdp-mcp/.env.alice".into(), names, ..Default::default() });
    declared.launch.as_mut().unwrap().command = vec!["node".into(), "/opt/sdp-mcp/dist/indexSSE.js".into()];
    row.declared = Some(declared.into());
    let access = Access::of(&row).unwrap();
    (row, access)
}

#[test]
fn what_starts_it_tells_how_it_speaks() {
    let (mut row, access) = service_desk();
    assert_eq!((access.transport, access.url.as_str()), (Transport::Sse, "http://127.0.0.1:8101/sse"));
    assert_eq!(access.key.as_deref(), Some("MCP_API_KEY"), "what the server needs elsewhere is no key to it");
    let mut told = |command: &[&str]| {
        let mut declared = (**row.declared.as_ref().unwrap()).clone();
        declared.launch.as_mut().unwrap().command = command.iter().map(|word| (*word).to_owned()).collect();
        row.declared = Some(declared.into());
        Transport::of(&row)
    };
    for (command, expected) in [
        (&["npx", "server-everything", "sse"][..], Transport::Sse),
        (&["memory", "server", "--sse"], Transport::Sse),
        (&["npm", "run", "start:sse"], Transport::Sse),
        (&["npx", "server-everything", "streamableHttp"], Transport::Http),
        (&["node", "assess.js"], Transport::Http),
    ] {
        assert_eq!(told(command), expected, "{command:?}");
    }
}

#[test]
fn notes_say_what_the_entry_cannot() {
    let fleet = fleet();
    let program = crate::present::command::Program::default();
    let told = |client, row: &Row| notes(client, &Access::of(row).unwrap(), row, &fleet, &program).join("\n");
    let (row, _) = service_desk();
    let text = told(Client::Codex, &row);
    for part in ["loads .env.alice", "starts a second server", "export MCP_API_KEY where Codex", "SSE", "ssh -L 8101:127.0.0.1:8101"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut alice = (*fleet.rows[0]).clone();
    assert!(!told(Client::Cursor, &alice).contains("berth"), "{}", told(Client::Cursor, &alice));
    let mut elsewhere = alice.clone();
    elsewhere.host = Some([127, 0, 0, 2].into());
    assert!(told(Client::Cursor, &elsewhere).contains("ssh -L 8101:127.0.0.2:8101"), "{}", told(Client::Cursor, &elsewhere));
    alice.state = crate::domain::State::Stopped;
    assert!(told(Client::Cursor, &alice).starts_with("alice is stopped: berth start alice"));
    alice.state = crate::domain::State::Running;
    alice.listening[0].0.port = 9999;
    assert!(told(Client::Cursor, &alice).starts_with("alice listens on 127.0.0.1:9999 and not on its port 8101"));
    // Whoever stands where the port is another's is told before a key goes there.
    let taken = fleet.findings.iter().find(|finding| finding.code == crate::domain::Code::PortTaken).unwrap();
    let row = fleet.row(&taken.instances[0]).unwrap();
    assert!(told(Client::Cursor, row).starts_with("a client that goes to http://"), "{}", told(Client::Cursor, row));
}

#[test]
fn the_guides_own_snippet_starts_a_second_server() {
    let (row, access) = service_desk();
    let found = |client, text: Value| doubts(client, &text.to_string(), &access, &row).unwrap();
    // Word for word the guide's, but for the user.
    let guide = json!({ "mcpServers": { "sdp-alice": {
        "command": "bash",
        "args": ["-c", "export $(cat /path/to/.env.alice | xargs) && node /path/to/dist/indexSSE.js"]
    } } });
    let told = found(Client::ClaudeCodeFile, guide);
    assert_eq!((told.len(), told[0].entry.as_str()), (1, "sdp-alice"));
    assert!(told[0].what.starts_with("starts a second server of alice (its command has /path/to/.env.alice); http://"), "{told:?}");
    let other =
        json!({ "mcpServers": { "sdp-bob": { "command": "bash", "args": ["-c", "export $(cat .env.bob) && node dist/indexSSE.js"] } } });
    let told = found(Client::ClaudeCodeFile, other);
    assert!(told.len() == 1 && told[0].what.starts_with("has no entry: none of the file's goes to http://127.0.0.1:8101/sse"), "{told:?}");
    let by_port = json!({ "mcpServers": { "x": { "command": "node", "args": ["/srv/dist/indexSSE.js", "--port=8101"] } } });
    assert_eq!(found(Client::ClaudeDesktop, by_port).len(), 1);
    // What berth prints is right by its own measure.
    for client in [Client::ClaudeCodeFile, Client::ClaudeDesktop, Client::VsCode, Client::Cursor, Client::Codex] {
        assert_eq!(doubts(client, &snippet(client, &access), &access, &row), Ok(Vec::new()), "{client:?}");
    }
}

#[test]
fn no_entry_and_a_second_one_are_told() {
    let (row, access) = service_desk();
    let found = |entries: Value| doubts(Client::Cursor, &json!({ "mcpServers": entries }).to_string(), &access, &row).unwrap();
    let told = found(json!({}));
    assert_eq!((told.len(), told[0].entry.as_str()), (1, "alice"));
    let (one, two) = (json!({ "url": "http://127.0.0.1:8101/sse" }), json!({ "url": "http://localhost:8101/sse" }));
    assert_eq!(found(json!({ "alice": one })), []);
    assert_eq!(found(json!({ "mine": two })), []);
    let told = found(json!({ "a": two, "alice": one, "elsewhere": { "url": "http://other:8101/sse" } }));
    assert_eq!((told.len(), told[0].entry.as_str()), (1, "a"));
    assert_eq!(told[0].what, "goes to alice a second time, as alice does; one of them is enough");
}

#[test]
fn an_entry_that_goes_astray_is_told_without_its_key() {
    let (row, access) = service_desk();
    let text = json!({ "mcpServers": { "alice": {
        "url": "http://127.0.0.1:9/mcp", "headers": { "Authorization": "Bearer hunter2" }
    } } });
    let told = doubts(Client::ClaudeCodeFile, &text.to_string(), &access, &row).unwrap();
    let whats: Vec<&str> = told.iter().map(|doubt| doubt.what.as_str()).collect();
    assert!(whats[0].starts_with("goes to another port") && whats[1].contains("no \"type\"") && whats[2].starts_with("holds a key"));
    assert!(!format!("{told:?}").contains("hunter2"));
    assert!(doubts(Client::VsCode, &text.to_string(), &access, &row).unwrap_err().contains("\"servers\""));
    assert!(doubts(Client::Codex, "[", &access, &row).is_err());
}
