//! Changes on disk, heard from the kernel and polled. A test waits for what it expects; how long that takes is no matter here.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use super::watch::Watcher;
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A tree below `root/users`, listened to; `None` as the watcher is a kernel that tells nothing.
fn listening(root: &Path, watcher: std::io::Result<Watcher>, patterns: &[&str]) -> Discoverer {
    listening_as(nix::unistd::geteuid().as_raw(), root, watcher, patterns)
}

fn listening_as(own: u32, root: &Path, watcher: std::io::Result<Watcher>, patterns: &[&str]) -> Discoverer {
    let list: String = patterns.iter().map(|pattern| format!("[[discover]]\nconfig = \"{}/{pattern}\"\n", root.display())).collect();
    let text = format!("[template.default]\nrun_as = \"{own}\"\n[layout]\nbase = \"{}\"\n{list}", root.display());
    listening_by(root, watcher, &text)
}

fn listening_by(root: &Path, watcher: std::io::Result<Watcher>, text: &str) -> Discoverer {
    let file = root.join("berth.toml");
    std::fs::write(&file, text).unwrap();
    let mut discoverer = Discoverer::new(Arc::new(Config::load(Some(&file)).unwrap()), Reader::start().unwrap());
    discoverer.hearing = Some(Hearing::new(watcher, Duration::from_millis(100)));
    discoverer
}

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn config_of(root: &Path, user: &str) -> std::path::PathBuf {
    root.join("users").join(user).join("config/config.json")
}

/// `alice:8101 bob:-`: who is there with which port.
fn words(roster: &Roster) -> String {
    let word = |one: &Arc<Declared>| format!("{}:{}", one.id, one.port.map_or("-".to_owned(), |port| port.to_string()));
    roster.instances.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Scans when there is something to do, until the roster is as wanted.
fn until(discoverer: &mut Discoverer, wanted: &str) {
    let begun = Instant::now();
    loop {
        let (roster, _) = discoverer.scan();
        if words(&roster) == wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{} instead of {wanted}", words(&roster));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Scans until nothing is left to be asked for or looked at.
fn settle(discoverer: &mut Discoverer) {
    let begun = Instant::now();
    loop {
        discoverer.scan();
        let hearing = discoverer.hearing.as_ref().unwrap();
        let now = Instant::now();
        if !hearing.has_more_to_do() && hearing.next(&discoverer.searches, now) > now + Duration::from_millis(30) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
}

const PATTERN: &[&str] = &["users/*/config/config.json"];

/// Every kind of change, as people and editors make them.
fn every_change(root: &Path, discoverer: &mut Discoverer) {
    put(&config_of(root, "abe"), "{\"port\": 8101}");
    until(discoverer, "abe:8101");
    settle(discoverer);
    // A new user's tree, made from the top.
    put(&config_of(root, "zoe"), "{\"port\": 8102}");
    until(discoverer, "abe:8101 zoe:8102");
    // Written in place.
    put(&config_of(root, "abe"), "{\"port\": 8111}");
    until(discoverer, "abe:8111 zoe:8102");
    // Renamed into place, as sed -i and most editors do.
    let draft = config_of(root, "abe").with_file_name("config.json.tmp");
    put(&draft, "{\"port\": 8112}");
    std::fs::rename(&draft, config_of(root, "abe")).unwrap();
    until(discoverer, "abe:8112 zoe:8102");
    // Broken and mended.
    put(&config_of(root, "abe"), "{\"port\": ");
    until(discoverer, "abe:- zoe:8102");
    put(&config_of(root, "abe"), "{\"port\": 8113}");
    until(discoverer, "abe:8113 zoe:8102");
    // The file removed and made again.
    std::fs::remove_file(config_of(root, "abe")).unwrap();
    until(discoverer, "zoe:8102");
    put(&config_of(root, "abe"), "{\"port\": 8114}");
    until(discoverer, "abe:8114 zoe:8102");
    // A directory on the way moved away, another in its place.
    let directory = root.join("users/abe/config");
    std::fs::rename(&directory, root.join("users/abe/old")).unwrap();
    put(&config_of(root, "abe"), "{\"port\": 8115}");
    until(discoverer, "abe:8115 zoe:8102");
    put(&root.join("users/abe/old/config.json"), "{\"port\": 1}");
    put(&config_of(root, "abe"), "{\"port\": 8116}");
    until(discoverer, "abe:8116 zoe:8102");
    // A whole user gone.
    std::fs::remove_dir_all(root.join("users/zoe")).unwrap();
    until(discoverer, "abe:8116");
    // The root moved away and made anew, and gone for good.
    std::fs::rename(root.join("users"), root.join("before")).unwrap();
    put(&config_of(root, "eve"), "{\"port\": 8103}");
    until(discoverer, "eve:8103");
    put(&config_of(root, "eve"), "{\"port\": 8104}");
    until(discoverer, "eve:8104");
    std::fs::remove_dir_all(root.join("users")).unwrap();
    until(discoverer, "");
    put(&config_of(root, "abe"), "{\"port\": 8117}");
    until(discoverer, "abe:8117");
}

#[test]
fn every_change_is_heard() {
    let tree = tempfile::tempdir().unwrap();
    let mut discoverer = listening(tree.path(), Watcher::new(), PATTERN);
    every_change(tree.path(), &mut discoverer);
    assert_eq!(discoverer.last.faults, []);
}

#[test]
fn every_change_is_found_where_nothing_is_told() {
    let tree = tempfile::tempdir().unwrap();
    let refused = Err(std::io::Error::from_raw_os_error(libc::EMFILE));
    let mut discoverer = listening(tree.path(), refused, PATTERN);
    every_change(tree.path(), &mut discoverer);
    settle(&mut discoverer);
    let [fault] = &discoverer.last.faults[..] else { panic!("{:?}", discoverer.last.faults) };
    assert!(fault.reason.as_str().contains("every second") && fault.reason.as_str().contains("max_user_instances"), "{fault:?}");
}

#[test]
fn files_beside_each_other_and_second_levels_are_heard() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    std::fs::create_dir_all(root.join("flat")).unwrap();
    let mut discoverer = listening(root, Watcher::new(), &["flat/*.json", "deep/*/inst/*/c.json"]);
    until(&mut discoverer, "");
    settle(&mut discoverer);
    put(&root.join("flat/abe.json"), "{\"port\": 8101}");
    until(&mut discoverer, "abe:8101");
    put(&root.join("deep/zoe/inst/tools/c.json"), "{\"port\": 8102}");
    until(&mut discoverer, "abe:8101 zoe/tools:8102");
    settle(&mut discoverer);
    std::fs::create_dir(root.join("deep/zoe/inst/web")).unwrap();
    settle(&mut discoverer);
    put(&root.join("deep/zoe/inst/web/c.json"), "{\"port\": 8103}");
    until(&mut discoverer, "abe:8101 zoe/tools:8102 zoe/web:8103");
    std::fs::rename(root.join("flat/abe.json"), root.join("flat/abe.json.bak")).unwrap();
    until(&mut discoverer, "zoe/tools:8102 zoe/web:8103");
}

#[test]
fn what_lies_beside_a_configuration_wakes_nobody() {
    let tree = tempfile::tempdir().unwrap();
    put(&config_of(tree.path(), "abe"), "{\"port\": 8101}");
    let mut discoverer = listening(tree.path(), Watcher::new(), PATTERN);
    until(&mut discoverer, "abe:8101");
    settle(&mut discoverer);
    put(&tree.path().join("users/abe/server.pid"), "7");
    put(&tree.path().join("users/abe/config/notes"), "x");
    let mut told = 0;
    let hearing = discoverer.hearing.as_mut().unwrap();
    hearing.hear(&mut discoverer.searches, Instant::now());
    told += discoverer.searches[0].entries.values().filter(|entry| entry.pace.due().is_some()).count();
    assert_eq!(told, 0);
}

#[test]
fn watches_go_with_what_they_watched() {
    let tree = tempfile::tempdir().unwrap();
    let mut discoverer = listening(tree.path(), Watcher::new(), PATTERN);
    let count = |discoverer: &Discoverer| discoverer.hearing.as_ref().unwrap().watches();
    put(&config_of(tree.path(), "abe"), "{\"port\": 8101}");
    until(&mut discoverer, "abe:8101");
    settle(&mut discoverer);
    // The root, the user's directory, and the one in it.
    assert_eq!(count(&discoverer), 3);
    for round in 0..5 {
        std::fs::rename(tree.path().join("users/abe"), tree.path().join(format!("moved{round}"))).unwrap();
        until(&mut discoverer, "");
        put(&config_of(tree.path(), "abe"), "{\"port\": 8101}");
        until(&mut discoverer, "abe:8101");
        settle(&mut discoverer);
    }
    assert_eq!(count(&discoverer), 3);
}

#[test]
fn a_link_out_of_the_tree_is_not_watched() {
    let tree = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    put(&elsewhere.path().join("config/config.json"), "{\"port\": 1}");
    std::fs::create_dir_all(tree.path().join("users")).unwrap();
    symlink(elsewhere.path(), tree.path().join("users/lou")).unwrap();
    let mut discoverer = listening(tree.path(), Watcher::new(), PATTERN);
    until(&mut discoverer, "lou:-");
    settle(&mut discoverer);
    assert_eq!(discoverer.hearing.as_ref().unwrap().watches(), 1);
    // What the link becomes is told by the directory in which it lies.
    std::fs::remove_file(tree.path().join("users/lou")).unwrap();
    put(&config_of(tree.path(), "lou"), "{\"port\": 8101}");
    until(&mut discoverer, "lou:8101");
}

#[test]
fn a_storm_of_events_loses_nothing() {
    let tree = tempfile::tempdir().unwrap();
    put(&config_of(tree.path(), "abe"), "{\"port\": 8101}");
    let mut discoverer = listening(tree.path(), Watcher::new(), PATTERN);
    until(&mut discoverer, "abe:8101");
    settle(&mut discoverer);
    let directory = tree.path().join("users/abe/config");
    for round in 0..20_000 {
        std::fs::write(directory.join(format!("n{}", round % 2)), "").unwrap();
    }
    put(&config_of(tree.path(), "abe"), "{\"port\": 8109}");
    until(&mut discoverer, "abe:8109");
    put(&config_of(tree.path(), "abe"), "{\"port\": 8110}");
    until(&mut discoverer, "abe:8110");
}

#[test]
fn rights_that_come_are_heard() {
    use std::os::unix::fs::PermissionsExt;
    if !nix::unistd::geteuid().is_root() {
        // Nobody else can be looked at as somebody else.
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    let allow = |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(tree.path(), 0o755);
    put(&config_of(tree.path(), "abe"), "{\"port\": 8101}");
    let mut discoverer = listening_as(65_534, tree.path(), Watcher::new(), PATTERN);
    until(&mut discoverer, "abe:8101");
    settle(&mut discoverer);
    let closed = [tree.path().join("users/abe"), tree.path().join("users/abe/config"), config_of(tree.path(), "abe")];
    for path in &closed {
        let before = std::fs::metadata(path).unwrap().permissions().mode();
        allow(path, 0);
        until(&mut discoverer, "abe:-");
        settle(&mut discoverer);
        assert_eq!(discoverer.last.faults, [], "{path:?}");
        allow(path, before);
        until(&mut discoverer, "abe:8101");
        settle(&mut discoverer);
    }
    // A directory that may be passed and not listed tells nothing: it is polled, and that is said.
    allow(&closed[1], 0o711);
    put(&config_of(tree.path(), "abe"), "{\"port\": 8102}");
    until(&mut discoverer, "abe:8102");
    settle(&mut discoverer);
    assert!(discoverer.last.faults[0].reason.as_str().contains("may not be listed"), "{:?}", discoverer.last.faults);
    put(&config_of(tree.path(), "abe"), "{\"port\": 8103}");
    until(&mut discoverer, "abe:8103");
}

#[test]
fn environment_files_and_their_examples_are_heard() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path();
    put(&config_of(root, "abe"), "{\"port\": 8101}");
    put(&root.join("env/abe.env"), "MCP_API_KEY=one");
    put(&root.join("flat/.env.zoe"), "PORT=8102");
    let own = nix::unistd::geteuid();
    let base = root.display();
    let text = format!(
        "[layout]\nbase = \"{base}\"\n[template.default]\nrun_as = \"{own}\"\nenv_file = \"{base}/env/{{user}}.env\"\n\
         [template.flat]\nrun_as = \"{own}\"\nenv_file = \"{{base}}/.env.{{user}}\"\n\
         [[discover]]\nconfig = \"{base}/users/*/config/config.json\"\n\
         [[discover]]\nenv = \"{base}/flat/.env.*\"\ntemplate = \"flat\"\n"
    );
    let mut discoverer = listening_by(root, Watcher::new(), &text);
    until(&mut discoverer, "abe:8101 zoe:8102");
    settle(&mut discoverer);
    let before = discoverer.last.instances.clone();
    // The template's file, which lies elsewhere.
    put(&root.join("env/abe.env"), "MCP_API_KEY=two");
    let changes = |discoverer: &mut Discoverer, which: usize, part: &str| {
        let begun = Instant::now();
        loop {
            let now = discoverer.scan().0.instances[which].clone();
            assert_eq!(now.fault, None);
            let now = &now.settings;
            let changes = now.part(part).unwrap().changes_since(before[which].settings.part(part).unwrap());
            if !changes.is_empty() {
                return changes.iter().map(ToString::to_string).collect::<Vec<_>>();
            }
            assert!(begun.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    assert_eq!(changes(&mut discoverer, 0, "abe.env"), ["MCP_API_KEY changed (hidden)"]);
    // A file that declares an instance.
    put(&root.join("flat/.env.zoe"), "PORT=8103\nDEBUG=true");
    assert_eq!(changes(&mut discoverer, 1, ".env.zoe"), ["DEBUG added (true)", "PORT 8102 -> 8103"]);
    // What it lacks is judged by the example.
    put(&root.join("flat/.env.example"), "PORT=1\nAPI_KEY=your_key_here");
    let begun = Instant::now();
    while discoverer.scan().0.instances[1].env_file.as_ref().unwrap().missing.is_empty() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    // The directory of the template's file made anew.
    std::fs::rename(root.join("env"), root.join("env-old")).unwrap();
    put(&root.join("env/abe.env"), "MCP_API_KEY=one\nLEVEL=1");
    assert_eq!(changes(&mut discoverer, 0, "abe.env").len(), 1);
    let begun = Instant::now();
    while changes(&mut discoverer, 0, "abe.env") != ["LEVEL added (1)"] {
        assert!(begun.elapsed() < PATIENCE);
    }
}
