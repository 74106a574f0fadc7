//! The reader against real files, links, pipes and other users' files. It must never need more than a temporary directory.

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use super::*;
use crate::domain::{Gid, Uid};
use crate::patience::until;

fn own() -> Identity {
    Identity::of(Uid(nix::unistd::getuid().as_raw()), Gid(nix::unistd::getgid().as_raw()), None)
}

#[test]
fn a_file_beneath_is_read_and_listed() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::create_dir(tree.path().join("a")).unwrap();
    std::fs::write(tree.path().join("a/f"), "text").unwrap();
    let reader = Reader::start().unwrap();
    assert_eq!(reader.read(&own(), tree.path(), Path::new("a/f"), 10).unwrap(), b"text");
    assert_eq!(reader.read(&own(), tree.path(), Path::new("a/f"), 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(reader.list(&own(), tree.path(), Path::new("")).unwrap(), [(OsString::from("a"), true)]);
    let facts = reader.stat(&own(), tree.path(), Path::new("a/f")).unwrap();
    assert!(facts.is_regular && facts.size == 4);
}

#[test]
fn links_pipes_and_the_way_up_are_refused() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("secret"), "s").unwrap();
    let root = tree.path().join("root");
    std::fs::create_dir(&root).unwrap();
    symlink("../secret", root.join("link")).unwrap();
    symlink("..", root.join("up")).unwrap();
    nix::unistd::mkfifo(&root.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = Reader::start().unwrap();
    for path in ["link", "up/secret", "../secret", "/etc/passwd", "fifo", "."] {
        assert!(reader.open(&own(), &root, Path::new(path)).is_err(), "{path}");
    }
}

#[test]
fn root_reads_as_the_user_and_comes_back() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let tree = tempfile::tempdir().unwrap();
    std::fs::set_permissions(tree.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, owner, mode) in [("mine", 4711, 0o600), ("roots", 0, 0o600), ("others", 4712, 0o644)] {
        std::fs::write(tree.path().join(name), name).unwrap();
        chown(tree.path().join(name), Some(owner), Some(owner)).unwrap();
        std::fs::set_permissions(tree.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let reader = Reader::start().unwrap();
    let user = Identity::of(Uid(4711), Gid(4711), None);
    assert_eq!(reader.read(&user, tree.path(), Path::new("mine"), 10).unwrap(), b"mine");
    assert_eq!(reader.open(&user, tree.path(), Path::new("roots")).unwrap_err().raw_os_error(), Some(libc::EACCES));
    assert_eq!(reader.open(&user, tree.path(), Path::new("others")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    let root = Identity::of(Uid(0), Gid(0), None);
    assert_eq!(reader.read(&root, tree.path(), Path::new("roots"), 10).unwrap(), b"roots");
}

#[test]
fn what_was_looked_at_ahead_is_what_is_opened_next_and_nothing_else_is() {
    let tree = tempfile::tempdir().unwrap();
    let path = |name: &str| tree.path().join(name);
    std::fs::write(path("f"), "first").unwrap();
    std::fs::write(path("g"), "other").unwrap();
    std::fs::create_dir(path("d")).unwrap();
    nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = Reader::start().unwrap();
    let read = |name: &str| reader.read(&own(), tree.path(), Path::new(name), 100);
    for name in ["f", "g", "d", "fifo"] {
        let (plain, ahead) = (reader.stat(&own(), tree.path(), Path::new(name)), reader.stat_ahead(&own(), tree.path(), Path::new(name)));
        assert_eq!(plain.unwrap(), ahead.unwrap(), "{name}");
    }
    assert!(reader.stat_ahead(&own(), tree.path(), Path::new("absent")).is_err());
    // Where the machine let its moment pass, it is another file, rightly: once more.
    let told_of = until(|| {
        std::fs::write(path("f"), "first").unwrap();
        let asked = Instant::now();
        reader.stat_ahead(&own(), tree.path(), Path::new("f")).unwrap();
        assert_eq!(read("g").unwrap(), b"other");
        std::fs::write(path("new"), "second").unwrap();
        std::fs::rename(path("new"), path("f")).unwrap();
        let told_of = read("f").unwrap();
        (asked.elapsed() < ROOT_HOLDS).then_some(told_of)
    });
    assert_eq!(told_of.unwrap(), b"first", "the file that was told of");
    assert_eq!(read("f").unwrap(), b"second", "once");
    // What stands there in a moment's time is read anew: nothing that was opened ahead outlives its moment.
    let facts = reader.stat_ahead(&own(), tree.path(), Path::new("f")).unwrap();
    std::thread::sleep(2 * ROOT_HOLDS);
    std::fs::write(path("new"), "third").unwrap();
    std::fs::rename(path("new"), path("f")).unwrap();
    assert_eq!(read("f").unwrap(), b"third");
    assert_ne!(reader.stat(&own(), tree.path(), Path::new("f")).unwrap(), facts);
}

#[test]
fn what_was_foreseen_is_told_as_it_was_found_and_let_go_of_after() {
    let tree = tempfile::tempdir().unwrap();
    let path = |name: &str| tree.path().join(name);
    for name in ["a", "b"] {
        std::fs::write(path(name), name).unwrap();
    }
    std::fs::create_dir(path("d")).unwrap();
    let reader = Reader::start().unwrap();
    let foreseen = |name: &&str| (own(), tree.path().to_owned(), PathBuf::from(name));
    let stat = |name: &str| reader.stat_ahead(&own(), tree.path(), Path::new(name));
    let read = |name: &str| reader.read(&own(), tree.path(), Path::new(name), 100);
    let told = until(|| {
        let _ = std::fs::remove_file(path("absent"));
        let asked = Instant::now();
        let ahead = reader.look_ahead(["a", "b", "absent", "d"].iter().map(foreseen).collect());
        std::fs::write(path("absent"), "it came").unwrap();
        let (file, directory, absent) = (stat("a").unwrap(), stat("d").unwrap(), stat("absent"));
        let text = read("a").unwrap();
        // Where the machine let its moment pass, it is looked at anew, rightly: once more.
        (asked.elapsed() < ROOT_HOLDS).then_some((file, directory, absent, text, ahead))
    });
    let (file, directory, absent, text, ahead) = told.unwrap();
    assert!(file.is_regular && directory.is_directory);
    assert_eq!((text.as_slice(), absent.unwrap_err().kind()), (b"a".as_slice(), io::ErrorKind::NotFound));
    assert_eq!(read("absent").unwrap(), b"it came", "it is told once");
    std::fs::write(path("new"), "other").unwrap();
    std::fs::rename(path("new"), path("b")).unwrap();
    drop(ahead);
    assert_eq!(read("b").unwrap(), b"other");
    drop(reader.look_ahead(Vec::new()));
}

#[test]
fn one_users_dead_mount_in_the_middle_of_many_looks_is_found_out() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("f"), "text").unwrap();
    let reader = Reader::start().unwrap();
    let errand = |uid: u32, wanted| Errand {
        who: Identity::with_groups(Uid(uid), Gid(uid), &[]),
        root: tree.path().to_owned(),
        beneath: PathBuf::from("f"),
        wanted,
    };
    let mine = own().uid().0;
    let hangs: Look = Box::new(|_| {
        std::thread::sleep(4 * PATIENCE);
        Ok(Box::new(()))
    });
    let asked = reader.ask_all(vec![errand(mine, Wanted::Facts), errand(mine + 1, Wanted::Look(hangs)), errand(mine + 2, Wanted::Facts)]);
    assert_eq!(asked.err().unwrap().kind(), io::ErrorKind::TimedOut);
    assert_eq!(reader.read(&own(), tree.path(), Path::new("f"), 10).unwrap(), b"text");
    let stuck: Vec<u32> = reader.line.lock().unwrap().stuck.lock().unwrap().iter().copied().collect();
    assert_eq!(stuck, [mine + 1]);
}

#[test]
fn f22_who_answers_just_in_time_is_asked_seldom() {
    let tree = tempfile::tempdir().unwrap();
    std::fs::write(tree.path().join("f"), "text").unwrap();
    let reader = Reader::start().unwrap();
    {
        let mut line = reader.line.lock().unwrap();
        line.scouts = Scouts::with_program_at(tree.path());
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let errand = |uid: u32| {
        let asked = Arc::clone(&asked);
        let slow: Look = Box::new(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(SLOW);
            Ok(Box::new(()))
        });
        Errand {
            who: Identity::with_groups(Uid(uid), Gid(uid), &[]),
            root: tree.path().to_owned(),
            beneath: PathBuf::from("f"),
            wanted: Wanted::Look(slow),
        }
    };
    let mine = own().uid().0;
    let brought = reader.ask_all((0..20).map(|_| errand(mine + 1)).collect()).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1, "of many in one go the first is enough");
    assert!(brought[0].is_ok());
    assert!(brought[1..].iter().all(|one| one.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)));
    let error = reader.ask_all(vec![errand(mine + 1)]).err().unwrap();
    assert_eq!(error.to_string(), "the file system answers slowly, and is asked seldom");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // Others are asked as ever.
    assert_eq!(reader.read(&own(), tree.path(), Path::new("f"), 10).unwrap(), b"text");
}
