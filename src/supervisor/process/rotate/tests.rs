//! Logs that are cut while real processes write them. It must never assert how long that takes.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flate2::read::GzDecoder;

use super::*;

/// A shell whose children write a log, each in its own way; it ends when they do.
fn writers(log: &Path, script: &str) -> Child {
    let script = script.replace("LOG", log.to_str().unwrap());
    Command::new("sh").args(["-c", &format!("{script} wait")]).stdin(Stdio::null()).spawn().unwrap()
}

/// Everything that was rotated away and then the log, in the order in which it was written.
fn everything(log: &Path) -> String {
    let mut text = String::new();
    let numbered = |number: u32, form: &str| format!("{}.{number}{form}", log.display());
    for number in (1..=2000).rev() {
        if let Ok(mut file) = File::open(numbered(number, "")) {
            file.read_to_string(&mut text).unwrap();
        }
        if let Ok(file) = File::open(numbered(number, ".gz")) {
            GzDecoder::new(file).read_to_string(&mut text).unwrap();
        }
    }
    text + &fs::read_to_string(log).unwrap()
}

/// Cuts the log whenever it is longer than `most`, six times, then has the writers stop and waits for them.
fn cut_six_times(log: &Path, most: u64, mut top: Child) {
    let quiet = Quiet::default();
    let cut = Cut { log, keep: 2000, top: top.id().cast_signed(), quiet: &quiet };
    let mut cuts = 0;
    while cuts < 6 {
        assert!(top.try_wait().unwrap().is_none(), "the writers have ended");
        if fs::metadata(log).is_ok_and(|facts| facts.len() > most) && cut.make().is_ok() {
            cuts += 1;
            if cuts % 4 == 0 {
                compress::old(log, 2000, || false);
            }
        }
    }
    fs::write(log.with_file_name("stop"), "").unwrap();
    top.wait().unwrap();
}

#[test]
fn every_line_is_there_once_however_often_it_is_cut() {
    let tree = tempfile::tempdir().unwrap();
    let log = tree.path().join("server.log");
    let stop = tree.path().join("stop");
    let counts = ["a", "b"].map(|who| tree.path().join(who));
    // Two that write whole lines, each by one call, and say in the end how many.
    let line = |who: &str| {
        let count = tree.path().join(who);
        let write = format!("i=$((i+1)); echo \"{who} $i padding padding padding\"");
        format!("sh -c 'i=0; while [ ! -e {} ]; do {write}; done >> LOG; echo $i > {}' & ", stop.display(), count.display())
    };
    let top = writers(&log, &format!("{}{}", line("a"), line("b")));
    cut_six_times(&log, 200_000, top);
    let text = everything(&log);
    let mut last = [0, 0];
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let who = usize::from(words[0] == "b");
        assert_eq!((words.len(), words[1].parse::<u32>().unwrap()), (5, last[who] + 1), "{line}");
        last[who] += 1;
    }
    let written = counts.map(|path| fs::read_to_string(path).unwrap().trim().parse::<u32>().unwrap());
    assert_eq!(last, written);
}

#[test]
fn a_line_that_is_half_written_stays_whole() {
    let tree = tempfile::tempdir().unwrap();
    let log = tree.path().join("server.log");
    let stop = tree.path().join("stop");
    // seq writes blocks that end within a line.
    let top = writers(&log, &format!("(while [ ! -e {} ]; do seq 10000 19999; done) >> LOG & ", stop.display()));
    cut_six_times(&log, 100_000, top);
    let text = everything(&log);
    assert_eq!(text.lines().count() % 10_000, 0);
    assert!(text.lines().enumerate().all(|(at, line)| line.parse::<usize>() == Ok(10_000 + at % 10_000)));
    assert!(fs::read(tree.path().join("server.log.1")).unwrap().ends_with(b"\n"));
}

/// What makes a test the keeper of its own children, in a process where nothing else runs.
const AS_KEEPER: &str = "BERTH_TEST_AS_KEEPER";

#[test]
fn a_keeper_keeps_the_log_of_its_own_children() {
    if std::env::var_os(AS_KEEPER).is_some() {
        return as_keeper();
    }
    let name = "supervisor::process::rotate::tests::a_keeper_keeps_the_log_of_its_own_children";
    let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", name]).env(AS_KEEPER, "1").output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

fn as_keeper() {
    let tree = tempfile::tempdir().unwrap();
    let (log, stop) = (tree.path().join("server.log"), tree.path().join("stop"));
    let script = format!("i=0; while [ ! -e {} ]; do i=$((i+1)); echo \"$i padding padding padding\"; done", stop.display());
    let appends = OpenOptions::new().append(true).create(true).open(&log).unwrap();
    let mut server = Command::new("sh").args(["-c", &script]).stdout(appends).spawn().unwrap();
    let keeping = Keeping { log: log.clone(), most: 200_000, keep: 2000 };
    start(keeping, std::process::id().cast_signed(), Quiet::default()).unwrap();
    let begun = Instant::now();
    while !tree.path().join("server.log.3").exists() && !tree.path().join("server.log.3.gz").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it is not kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    fs::write(&stop, "").unwrap();
    server.wait().unwrap();
    // Nobody writes any more: what is left to do is to cut once more and to compress all but the newest.
    let is_settled = || fs::metadata(&log).unwrap().len() <= 200_000 && !tree.path().join("server.log.2").exists();
    while !is_settled() {
        assert!(begun.elapsed() < Duration::from_secs(120), "it is not compressed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let numbers: Vec<usize> = everything(&log).lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(numbers.iter().enumerate().all(|(at, number)| *number == at + 1));
}

#[test]
fn who_does_not_append_is_not_cut() {
    let tree = tempfile::tempdir().unwrap();
    let log = tree.path().join("server.log");
    let mut top = writers(&log, "(echo one; sleep 60) > LOG & ");
    while fs::read_to_string(&log).unwrap_or_default() != "one\n" {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (pid, quiet) = (top.id().cast_signed(), Quiet::default());
    let refused = Cut { log: &log, keep: 3, top: pid, quiet: &quiet }.make().unwrap_err();
    assert!(refused.to_string().contains("does not append"), "{refused}");
    assert_eq!((everything(&log).as_str(), fs::read_dir(tree.path()).unwrap().count()), ("one\n", 1));
    end(&mut top);
}

#[test]
fn who_is_not_the_instances_and_writes_is_a_reason_too() {
    let tree = tempfile::tempdir().unwrap();
    let log = tree.path().join("server.log");
    let mut stranger =
        Command::new("sleep").arg("60").stdout(OpenOptions::new().append(true).create(true).open(&log).unwrap()).spawn().unwrap();
    let mut top = writers(&log, "sleep 60 & ");
    let quiet = Quiet::default();
    let cut = Cut { log: &log, keep: 3, top: top.id().cast_signed(), quiet: &quiet };
    assert!(cut.make().unwrap_err().to_string().contains("which is not the instance's"));
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    cut.make().unwrap();
    end(&mut top);
}

/// Ends a shell and its children.
fn end(top: &mut Child) {
    for facts in crate::hand::descendants(&[top.id().cast_signed()]) {
        // SAFETY: a child of this test's own shell.
        unsafe { libc::kill(facts.key.pid, libc::SIGKILL) };
    }
    top.kill().unwrap();
    top.wait().unwrap();
}

#[test]
fn with_nothing_to_keep_the_log_is_emptied() {
    let tree = tempfile::tempdir().unwrap();
    let log = tree.path().join("server.log");
    fs::write(&log, "one\ntwo\nhalf").unwrap();
    let mut top = writers(&log, "sleep 60 & ");
    let quiet = Quiet::default();
    Cut { log: &log, keep: 0, top: top.id().cast_signed(), quiet: &quiet }.make().unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "half");
    end(&mut top);
}

#[test]
fn f06_a_full_disk_loses_nothing() {
    let tree = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| Command::new(arguments[0]).args(&arguments[1..]).arg(tree.path()).stderr(Stdio::null()).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=3m", "berth-test"]).is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small file system needs root");
        return;
    }
    let log = tree.path().join("server.log");
    let lines = "a line that is to be kept\n".repeat(65_000);
    fs::write(&log, &lines).unwrap();
    fs::write(format!("{}.1", log.display()), "older\n").unwrap();
    let mut top = writers(&log, "sleep 60 & ");
    let quiet = Quiet::default();
    let cut = Cut { log: &log, keep: 3, top: top.id().cast_signed(), quiet: &quiet };
    for _ in 0..5 {
        assert_eq!(cut.make().unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    }
    let (text, names) = (everything(&log), fs::read_dir(tree.path()).unwrap().count());
    end(&mut top);
    drop(log);
    assert!(mount(&["umount"]).is_ok_and(|status| status.success()));
    assert!(text == format!("older\n{lines}"), "{} bytes", text.len());
    assert_eq!(names, 2);
}

#[test]
fn a_log_that_grows_faster_is_looked_at_sooner() {
    let begun = Instant::now();
    let after = |seconds: f32| begun + Duration::from_secs_f32(seconds);
    let mut pace = Pace { last: None };
    assert_eq!(pace.next(0, 1000, begun), PACE[0]);
    assert_eq!(pace.next(0, 1000, after(5.0)), PACE[0]);
    assert_eq!(pace.next(500, 1000, after(10.0)), Duration::from_millis(2500));
    assert_eq!(pace.next(990, 1000, after(11.0)), PACE[1]);
    assert_eq!(pace.next(10, 1000, after(12.0)), PACE[0]);
}
