//! `berth client ID --for CLIENT`: what that client's configuration has to say to reach an instance, and nothing else on standard output.
//!
//! It must never print a secret, nor write a client's file: it is somebody's own.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde_json::json;

use super::args::{Client as Words, Global, Whose};
use super::door::Desk;
use super::errors::Stop;
use super::output::{Out, aside};
use super::port::{own, unknown};
use super::show::no_such;
use crate::domain::{Row, Shown};
use crate::error::{Context, Error, Kind, Result};
use crate::present::client::{self, Access, Client};
use crate::present::json::SCHEMA;

/// The longest configuration of a client, bytes.
const LONGEST: u64 = 4 << 20;

/// Runs the command.
pub fn run(words: &Words, global: &Global, desk: &dyn Desk, out: &mut Out) -> std::result::Result<u8, Stop> {
    let snapshot = desk.glance()?;
    let row = match &words.id {
        Some(id) => snapshot.row(id).ok_or_else(|| no_such(id, &snapshot))?.as_ref(),
        None => own(&snapshot, &desk.door().caller(), "berth client")?,
    };
    let Some(access) = Access::of(row) else { return Err(unknown(row).into()) };
    let client = client_of(words.client);
    if let Some(file) = &words.check {
        return check(file, client, &access, row, global, out);
    }
    let text = client::snippet(client, &access);
    let notes: Vec<Shown> = client::notes(client, &access, row, &snapshot, out.program()).iter().map(|note| Shown::new(note)).collect();
    if global.json {
        let notes: Vec<&str> = notes.iter().map(Shown::as_str).collect();
        out.json(&json!({
            "schema": SCHEMA, "id": row.id.to_string(), "client": word(words.client), "place": client.place(), "url": access.url,
            "type": access.transport.word(), "key_variable": access.key, "format": if client.reads_json() { "json" } else { "toml" },
            "text": text, "notes": notes,
        }))?;
        return Ok(0);
    }
    out.text(&text)?;
    out.flush()?;
    // Beside it, so that what is redirected into a file is what the client reads.
    aside(&format!("for {}", client.place()));
    notes.iter().for_each(|note| aside(&format!("  {note}")));
    Ok(0)
}

/// Says what the entries of a client's own file do wrong about this instance; 1 if there is something.
fn check(file: &Path, client: Client, access: &Access, row: &Row, global: &Global, out: &mut Out) -> std::result::Result<u8, Stop> {
    let name = if file == Path::new("-") { "standard input".to_owned() } else { Shown::new(&file.to_string_lossy()).to_string() };
    let text = read(file, &name)?;
    let doubts = client::doubts(client, &text, access, row)
        .map_err(|why| Error::new(Kind::Usage, format!("{name} is not what {} reads: {}", client.program(), Shown::new(&why))))?;
    if global.json {
        let found: Vec<_> = doubts.iter().map(|doubt| json!({ "entry": doubt.entry.as_str(), "what": doubt.what })).collect();
        out.json(&json!({ "schema": SCHEMA, "id": row.id.to_string(), "url": access.url, "doubts": found }))?;
    } else if doubts.is_empty() {
        out.text(&format!("nothing is wrong about {} in {name}\n", row.id))?;
    } else {
        doubts.iter().try_for_each(|doubt| out.text(&format!("{}: {}\n", doubt.entry, doubt.what)))?;
    }
    Ok(u8::from(!doubts.is_empty()))
}

fn read(file: &Path, name: &str) -> Result<String> {
    let doing = || format!("{name} cannot be read");
    let mut text = String::new();
    let mut limited: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin().take(LONGEST))
    } else {
        Box::new(File::open(file).while_doing(doing)?.take(LONGEST))
    };
    limited.read_to_string(&mut text).while_doing(doing)?;
    Ok(text)
}

fn client_of(whose: Whose) -> Client {
    match whose {
        Whose::ClaudeCode => Client::ClaudeCodeFile,
        Whose::ClaudeDesktop => Client::ClaudeDesktop,
        Whose::VsCode => Client::VsCode,
        Whose::Cursor => Client::Cursor,
        Whose::Codex => Client::Codex,
    }
}

/// As `--for` has it.
fn word(whose: Whose) -> String {
    clap::ValueEnum::to_possible_value(&whose).map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};
    use crate::domain::Uid;

    fn ran(id: Option<&str>, whose: Whose, options: &str, who: (u32, &str)) -> std::result::Result<String, u8> {
        let mut desk = FakeDesk::new(fleet::fleet());
        desk.set_caller(Uid(who.0), who.1);
        let (mut out, text) = written();
        match run(&Words { id: id.map(fleet::id), client: whose, check: None }, &global(options), &desk, &mut out) {
            Ok(_) => Ok(text()),
            Err(stop) => Err(stop.tell()),
        }
    }

    #[test]
    fn standard_output_is_what_the_client_reads() {
        let text = ran(Some("alice"), Whose::VsCode, "", (0, "root")).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document, json!({ "servers": { "alice": { "type": "http", "url": "http://127.0.0.1:8101/mcp" } } }));
        assert_eq!(ran(Some("zoe"), Whose::Cursor, "", (0, "root")), Err(4));
    }

    #[test]
    fn ones_own_and_as_a_document() {
        let text = ran(None, Whose::Codex, "--json", (1002, "bob")).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&document["id"], &document["client"], &document["format"]), (&json!("bob/tools"), &json!("codex"), &json!("toml")));
        assert_eq!(document["text"], "[mcp_servers.bob-tools]\nurl = \"http://127.0.0.1:8102/mcp\"\n");
        assert_eq!(ran(None, Whose::Codex, "", (0, "root")), Err(4), "root has none");
    }

    #[test]
    fn a_clients_own_file_is_looked_through() {
        let desk = FakeDesk::new(fleet::fleet());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mcp.json");
        let words = Words { id: Some(fleet::id("alice")), client: Whose::ClaudeCode, check: Some(file.clone()) };
        let ran = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let (mut out, told) = written();
            (run(&words, &global(""), &desk, &mut out).map_err(|stop| stop.tell()), told())
        };
        let (code, told) = ran(r#"{"mcpServers": {"alice": {"url": "http://127.0.0.1:8101/mcp"}}}"#);
        assert_eq!(code, Ok(1));
        assert!(told.starts_with("alice: has a url and no \"type\""), "{told}");
        let (code, told) = ran(r#"{"mcpServers": {"alice": {"type": "http", "url": "http://127.0.0.1:8101/mcp"}}}"#);
        assert_eq!((code, told.starts_with("nothing is wrong about alice in ")), (Ok(0), true), "{told}");
        assert_eq!(ran("{").0, Err(2));
        assert_eq!(ran("{}").0, Err(2));
    }
}
