//! One corpus of what terminals obey, in every field that a user controls, and every way out of berth looked at byte by byte.
//!
//! It must never look at what a terminal made of it: the bytes themselves are held against what berth itself can send.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::host::{ByHand, Host, RESTS};
use super::sequences::{assert_harmless, assert_own};
use crate::parts;

/// What terminals obey, and what lies to the eye: the marker is in all of it, so that a field is known to have come out.
const CORPUS: [&str; 14] = [
    "evil\u{1b}[2J\u{1b}[H",
    "evil\u{1b}]0;owned\u{7}",
    "evil\u{1b}]52;c;b3duZWQ=\u{7}",
    "evil\u{1b}]8;;http://evil/\u{1b}\\link\u{1b}]8;;\u{1b}\\",
    "evil\u{1b}P$q\"p\u{1b}\\",
    "evil\u{1b}[?1049l\u{1b}[8mhidden",
    "evil\u{1b}[6n\u{1b}[c\u{5}",
    "evil\u{9b}2J\u{9d}0;owned\u{9c}\u{90}x\u{9c}",
    "evil\r\u{8}\u{8}\u{b}\u{c}\u{7f}\u{7}",
    "evil\u{202e}txt.exe\u{2066}\u{2069}\u{200f}",
    "evil\u{200b}\u{200d}\u{2060}\u{feff}\u{ad}",
    "evil\u{2028}\u{2029}\u{85}",
    "evil\u{e0041}\u{fff9}\u{3164}",
    "evil\u{1bc}\u{0301}\u{0301}\u{0301}日本",
];

/// Not text at all: overlong, surrogates, cut off, beyond the last.
const BROKEN: &[u8] = b"evil \xc0\xaf \xe0\x80\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \x9b2J \xff\xfe \xe2\x82";

/// Calls itself by all of it in turn, on one line of its log each; its third word is one too.
const CALLS_ITSELF: &str = r#"my @names = map { my $name = $_; chomp $name; $name } do { open(my $f, "<", "WORKSPACE/corpus"); <$f> };
for my $name (@names) { print "$name\n"; }
open(my $comm, ">", "/proc/self/comm"); print $comm "e\e[2J\e]0;x\a\n"; close $comm;
$0 = join " ", @names; sleep 1 while 1;"#;

struct Attack {
    host: Host,
    stranger: ByHand,
    files: Vec<PathBuf>,
}

/// Every field that a user controls.
fn attack() -> Attack {
    let template = "env_file = \"{base}/users/{user}/config/.env\"";
    let host = Host::with(&[CALLS_ITSELF, RESTS, RESTS, RESTS], template);
    let corpus = CORPUS.join("\n");
    for owner in &host.owners {
        let tree = host.tree(owner);
        owner.file(&tree.join("config/.env"), "A=1\n");
        let mut bytes = corpus.clone().into_bytes();
        bytes.extend_from_slice(b"\n");
        bytes.extend_from_slice(BROKEN);
        bytes.extend_from_slice(format!("\n{}\nERROR {corpus}\n", "evil\u{1b}[2J".repeat(100_000)).as_bytes());
        fs::write(tree.join("logs/server.log"), &bytes).unwrap();
        chown(tree.join("logs/server.log"), Some(owner.uid), Some(owner.gid)).unwrap();
        let server = tree.join("workspace/server.pl");
        let text = fs::read_to_string(&server).unwrap().replace("WORKSPACE", tree.join("workspace").to_str().unwrap());
        fs::write(&server, text).unwrap();
        fs::write(tree.join("workspace/corpus"), &corpus).unwrap();
        fs::write(tree.join("server.pid"), format!("1\u{1b}[2J{corpus}")).unwrap();
    }
    let [alice, bob, carol, dave] = &host.owners[..] else { panic!("four owners") };
    // The server's own configuration: names, places, values of the wrong kind, text that is none.
    let long = format!("{}{}", CORPUS.concat(), "x".repeat(200_000));
    let config = |port: serde_json::Value, name: &str| serde_json::json!({ "port": port, "serverName": name, "workspace": format!("/tmp/{}", CORPUS.concat()), "host": "127.0.0.1" });
    let path = |owner: &crate::accounts::Account| host.tree(owner).join("config/config.json");
    alice.file(&path(alice), &config(host.ports[0].into(), &CORPUS.concat()).to_string());
    bob.file(&path(bob), &config(host.ports[1].into(), &long).to_string());
    carol.file(&path(carol), &config(CORPUS.concat().into(), "x").to_string());
    dave.file(&path(dave), &format!("{{\"port\": {}, \u{1b}[2J{}", host.ports[3], CORPUS.concat()));
    bob.file(&host.tree(bob).join("config/.env"), &format!("{}=1\nB={}\n'", CORPUS[0], CORPUS[2]));
    // Directories that are called by it.
    let mut files = Vec::new();
    for name in CORPUS.iter().map(|name| name.as_bytes().to_vec()).chain([BROKEN.to_vec()]) {
        let name: Vec<u8> = name.into_iter().filter(|byte| *byte != b'/').collect();
        let folder = host.base.join("users").join(std::ffi::OsStr::from_bytes(&name));
        fs::create_dir_all(folder.join("config")).unwrap();
        fs::write(folder.join("config/config.json"), "{}").unwrap();
        files.push(folder);
    }
    // Somebody else's process in the range, with a name and words of its own choice.
    let words = format!(
        "use IO::Socket::INET; my $l = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => {}); \
         open(my $c, '>', '/proc/self/comm'); print $c \"\\e]0;x\\a\\e[2J\"; close $c; $0 = \"\\e[2J\\e]52;c;eA==\\a\\xc2\\x9b2J\\xe2\\x80\\xae evil\"; sleep 1 while 1;",
        host.ports[3] + 3
    );
    let stranger = ByHand::of(dave.command(Path::new("/usr/bin/perl")).args(["-e", &words]));
    Attack { host, stranger, files }
}

/// Everything that a command prints, on both of its streams.
fn printed(host: &Host, config: &Path, words: &[&std::ffi::OsStr]) -> Vec<u8> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_berth"));
    command.arg("--config").arg(config).args(words).env("BERTH_STATE", &host.berth.state).env("HOME", &host.berth.home);
    let output = command.env("XDG_CONFIG_HOME", &host.berth.home).env("LANG", "C.UTF-8").stdin(Stdio::null()).output().unwrap();
    [output.stdout, output.stderr].concat()
}

fn every_command(attack: &Attack) {
    let host = &attack.host;
    let names: Vec<&str> = host.owners.iter().map(|owner| owner.name.as_str()).collect();
    let mut all: Vec<Vec<&str>> = Vec::new();
    for words in [&["ls"][..], &["check"], &["ports"], &["config"], &["ls", "--state", "running"], &["-v", "check"], &["-v", "ls"]] {
        all.push(words.to_vec());
    }
    for name in &names {
        for words in [&["show"][..], &["logs"], &["logs", "-n", "100000"], &["logs", "--grep", "evil"], &["start"], &["restart"], &["port"]]
        {
            all.push([words, &[*name]].concat());
        }
    }
    for text in CORPUS {
        for words in
            [&["show", text][..], &["logs", text], &["start", text], &["ls", "--user", text], &[text], &["logs", names[0], "--grep", text]]
        {
            all.push(words.to_vec());
        }
    }
    for (index, words) in all.into_iter().enumerate() {
        // What the corpus is an argument of differs in nothing else: every other time in words.
        for json in [false, true].into_iter().filter(|json| index < 35 || *json == (index % 2 == 0)) {
            let words: Vec<&std::ffi::OsStr> = words.iter().chain(json.then_some(&"--json")).map(std::ffi::OsStr::new).collect();
            let bytes = printed(host, &host.berth.config, &words);
            assert!(!bytes.is_empty() || words.len() > 1, "{words:?}");
            assert_harmless(&format!("{words:?}"), &bytes);
        }
    }
    // Of bytes that are no text.
    for words in [&["show"][..], &["--user"], &[]] {
        let broken = std::ffi::OsStr::from_bytes(BROKEN);
        let words: Vec<&std::ffi::OsStr> = words.iter().map(std::ffi::OsStr::new).chain([broken]).collect();
        assert_harmless("bytes that are no text", &printed(host, &host.berth.config, &words));
    }
    // Configurations that are called by it, and that hold it where it cannot be.
    let folder = host.base.parent().unwrap();
    for (index, text) in CORPUS.iter().enumerate() {
        let name: String = text.chars().filter(|character| *character != '/').collect();
        let missing = folder.join(&name);
        assert_harmless("a configuration that is not there", &printed(host, &missing, &["ls".as_ref()]));
        let wrong = folder.join(format!("wrong{index}.toml"));
        for toml in [
            format!("[ports]\nrange = {}\n", toml_text(text)),
            format!("{} = 1\n", toml_text(text)),
            format!("[ports]\nrange = \"{text}\"\n"),
        ] {
            fs::write(&wrong, toml).unwrap();
            let words = if index % 2 == 0 { vec!["ls".as_ref()] } else { vec!["ls".as_ref(), "--json".as_ref()] };
            assert_harmless("a wrong configuration", &printed(host, &wrong, &words));
        }
    }
}

/// A TOML string that holds any character.
fn toml_text(text: &str) -> String {
    let escaped: String = text.chars().map(|character| format!("\\U{:08X}", u32::from(character))).collect();
    format!("\"{escaped}\"")
}

fn every_screen(attack: &Attack) {
    let mut console = attack.host.berth.console(160, 50);
    let alice = attack.host.owners[0].name.clone();
    let patience = Duration::from_secs(30);
    console.until("the fleet", patience, |text| text.contains(&alice));
    // Each tab, the log in its ways, the detail, menus, filters and a paste, a step back after each.
    for keys in [
        "1", "l", "w", "G", "g", "e", "\u{1b}", "\u{1b}", "2", "3", "4", "5", "1", "\r", "jjj", "\u{1b}", "w", "\u{1b}", "/evil\r",
        "\u{1b}", "a", "\u{1b}", "y", "\u{1b}", "jl", "\u{1b}", "jjl", "\u{1b}",
    ] {
        console.keys(keys);
        std::thread::sleep(Duration::from_millis(120));
    }
    console.keys(&format!("\u{1b}[200~{}\u{1b}[201~", CORPUS[9]));
    std::thread::sleep(Duration::from_millis(300));
    console.keys("\u{3}");
    console.end(patience);
    let sent = console.sent();
    assert!(String::from_utf8_lossy(&sent).contains("evil"), "the corpus was on the screen");
    assert_own(&sent);
}

#[test]
fn a07_text() {
    let Some(()) = parts::root() else { return };
    let mut attack = attack();
    let [alice, ..] = &attack.host.owners[..] else { panic!("owners") };
    let ran = attack.host.berth.run(&["start", &alice.name]);
    assert_harmless("a start", ran.text.as_bytes());
    assert_eq!(ran.code, Some(0), "{}", ran.text);
    assert!(attack.stranger.0.try_wait().unwrap().is_none());
    every_command(&attack);
    every_screen(&attack);
    // What came out was the corpus, in its harmless form.
    let host = &attack.host;
    let words = |words: &[&str]| host.berth.run(words).text;
    for (what, text) in [("check", words(&["check"])), ("logs", words(&["logs", &alice.name])), ("show", words(&["show", &alice.name]))] {
        assert!(text.contains('\u{241b}') && (what == "check" || text.contains("evil")), "{what}: {text}");
    }
    for folder in &attack.files {
        fs::remove_dir_all(folder).unwrap();
    }
}
