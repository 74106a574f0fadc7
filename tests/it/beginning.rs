//! The real binary where somebody begins: no configuration, a first one, keys and words of one's own, completion, the manual.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::actions::Tree;

const BERTH: &str = env!("CARGO_BIN_EXE_berth");

/// A directory of one's own with nothing in it.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, words: &[&str], environment: &[(&str, &str)]) -> (i32, String, String) {
        let mut command = Command::new(BERTH);
        command.args(words).env_clear().env("HOME", self.folder.path()).env("LANG", "C.UTF-8");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("BERTH_STATE", self.path("state"));
        told(&command.envs(environment.iter().copied()).output().unwrap())
    }
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn words(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_first_configuration_is_written_once_and_read() {
    let home = Home::new();
    let path = home.path("new/berth.toml");
    let (code, text, errors) = home.run(&["--config", words(&path), "config", "init"], &[]);
    assert!(code == 0 && text.starts_with(&format!("{} is written", path.display())), "{code} {text} {errors}");
    let written = fs::read_to_string(&path).unwrap();
    let (code, _, errors) = home.run(&["--config", words(&path), "config", "init"], &[]);
    assert!(code == 1 && errors.contains("already") && errors.contains("--stdout"), "{code} {errors}");
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
    let (code, text, errors) = home.run(&["--config", words(&path), "config"], &[]);
    assert!(code == 0 && text.contains("ports.range = \"8080-9080\""), "{code} {text} {errors}");
    let (code, text, _) = home.run(&["config", "init", "--stdout"], &[]);
    assert_eq!((code, text), (0, written));
    let (code, _, errors) = home.run(&["--read-only", "--config", words(&home.path("x.toml")), "config", "init"], &[]);
    assert!(code == 3 && !home.path("x.toml").exists(), "{code} {errors}");
}

#[test]
fn where_nothing_is_found_the_next_steps_are_said() {
    let home = Home::new();
    let config = home.file("berth.toml", "[ports]\nrange = \"61990-61991\"\n[[discover]]\nconfig = \"/nowhere/*/config.json\"\n");
    let (code, text, errors) = home.run(&["--config", words(&config), "ls"], &[]);
    assert_eq!(code, 0, "{errors}");
    for part in [
        "no instance was found",
        "looked for /nowhere/*/config.json",
        "berth demo",
        &format!("berth --config {} config ", config.display()),
        "berth man",
    ] {
        assert!(errors.contains(part), "{part}\n{errors}");
    }
    assert!(!text.contains("berth demo"), "what is read by programs stays clean: {text}");
}

#[test]
fn keys_that_cannot_hold_are_refused_at_start_with_their_line() {
    let home = Home::new();
    let cases = [
        ("[keys.instances]\nrestrat = \"R\"\n", ":2:1: unknown action \"restrat\" in [keys.instances]; did you mean \"restart\"?"),
        ("[keys.instances]\nrestart = \"q\"\n", ":2:1: the key \"q\" would be both restart and back in [keys.instances]"),
        ("[keys.instances]\nrestart = [\"R\", \"ctrl-r\"]\n", ":2:17: wrong key \"ctrl-r\" for restart in [keys.instances]: it holds Ctrl"),
        ("[keys.fleet]\nrestart = \"R\"\n", ":1:7: there is no [keys.fleet]"),
    ];
    for (text, expected) in cases {
        let config = home.file("berth.toml", text);
        for command in [&[][..], &["ls"], &["config"]] {
            let (code, _, errors) = home.run(&[&["--config", words(&config)], command].concat(), &[]);
            assert!(code == 2 && errors.contains(&format!("{}{expected}", config.display())), "{command:?} {code} {errors}");
        }
    }
    let config = home.file("berth.toml", "[keys.instances]\nrestart = [\"R\", \"f5\"]\n");
    let (code, text, errors) = home.run(&["--config", words(&config), "config"], &[]);
    assert!(code == 0 && text.contains("keys.instances.restart = [\"R\", \"f5\"]"), "{code} {text} {errors}");
    assert!(!text.contains("keys.everywhere"), "what is as always is not in the way");
    let (_, text, _) = home.run(&["--config", words(&config), "config", "--keys"], &[]);
    assert!(text.contains("\n[keys.instances]\n") && text.contains("\nquit = [\"ctrl-c\"]\n"), "{text}");
    // What is printed is itself a configuration.
    let again = home.file("again.toml", &text);
    let (code, printed, errors) = home.run(&["--config", words(&again), "config", "--keys"], &[]);
    // But for where it says that it goes.
    assert!(printed.starts_with("# The console's keys.") && printed.contains(words(&again)), "{printed}");
    let rest = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    let (text, printed) = (rest(&text), rest(&printed));
    let plain = |text: &str| text.lines().map(|line| line.split("  #").next().unwrap().trim_end().to_owned()).collect::<Vec<_>>();
    assert!(code == 0 && plain(&printed) == plain(&text), "{code} {errors}\n{printed}");
}

#[test]
fn a_shell_completes_words_and_the_names_of_instances() {
    let tree = Tree::new(&["zoe", "zack"]);
    let home = Home::new();
    let complete = |line: &[&str]| {
        let index = (line.len() - 1).to_string();
        let asked = [("BERTH_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", index.as_str()), ("_CLAP_IFS", "\n")];
        let (code, text, errors) = home.run(&[&["--"], line].concat(), &asked);
        assert!(code == 0 && errors.is_empty(), "{code} {errors}");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["berth", "restar"]), ["restart"]);
    assert_eq!(complete(&["berth", "--config", words(&tree.config()), "stop", "z"]), ["zack", "zoe"]);
    assert_eq!(complete(&["berth", "--config", words(&tree.config()), "logs", "zo"]), ["zoe"]);
    assert_eq!(complete(&["berth", "--config", "/nowhere/berth.toml", "stop", "z"]), Vec::<String>::new(), "no words, and no noise");
    for shell in ["bash", "zsh", "fish"] {
        let (code, text, errors) = home.run(&["completions", shell], &[]);
        assert!(code == 0 && text.contains("BERTH_COMPLETE"), "{shell} {code} {errors}");
    }
}

#[test]
fn the_manual_goes_where_it_is_wanted() {
    let home = Home::new();
    let (code, text, _) = home.run(&["man"], &[]);
    assert!(code == 0 && text.contains(".TH berth 1") && text.contains(".SH KEYS"));
    let (code, text, errors) = home.run(&["man", "--out", words(home.folder.path())], &[]);
    assert!(code == 0 && text.lines().count() > 12 && home.path("berth-start.1").exists(), "{code} {errors}");
    assert_eq!(home.run(&["man", "nothing"], &[]).0, 2);
}
