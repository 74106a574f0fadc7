//! Counting real files. It must never assert how long that takes.

use std::fs;

use super::*;
use crate::domain::{Declared, Gid, Row, Uid};
use crate::fixture as fleet;

/// The fixture's alice with everything in a directory of this process's user.
fn snapshot(tree: &Path) -> Snapshot {
    let mut snapshot = fleet::fleet();
    snapshot.rows.retain(|row| row.id == fleet::id("alice"));
    let row: Row = (*snapshot.rows[0]).clone();
    let declared = row.declared.as_deref().unwrap().clone();
    let declared = Declared {
        uid: Uid(nix::unistd::getuid().as_raw()),
        gid: Gid(nix::unistd::getgid().as_raw()),
        account: None,
        config_root: tree.to_owned(),
        log: tree.join("server.log"),
        workspace: Some(tree.join("ws")),
        ..declared
    };
    snapshot.rows = vec![Arc::new(Row { declared: Some(Arc::new(declared)), processes: Vec::new(), ..row })];
    snapshot
}

fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("server.log"), vec![b'x'; 5000]).unwrap();
    fs::create_dir(tree.path().join("ws")).unwrap();
    for number in 0..(PIECE * 2) {
        fs::write(tree.path().join(format!("ws/{number}")), "data").unwrap();
    }
    tree
}

#[test]
fn a_command_counts_what_it_wants_at_once() {
    let tree = tree();
    let snapshot = snapshot(tree.path());
    let id = fleet::id("alice");
    let board = Board::default();
    count_once(&board, &snapshot, Wanted::default(), Duration::from_secs(60)).unwrap();
    let told = board.newest().uses[&id].clone();
    assert_eq!((told.log_file_bytes, told.workspace_bytes), (Reading::Known(5000), Reading::Unasked));
    assert_eq!(board.newest().file_systems.len(), 1);

    count_once(&board, &snapshot, Wanted { open_files: true, workspace_of: Some(&id) }, Duration::from_secs(60)).unwrap();
    let told = board.newest().uses[&id].clone();
    assert!(told.workspace_bytes.known().is_some_and(|bytes| bytes >= PIECE * 2 * 512), "{told:?}");
    assert!(board.newest().notices.is_empty());
}

#[test]
fn what_there_was_no_time_for_is_said() {
    let tree = tree();
    let board = Board::default();
    count_once(&board, &snapshot(tree.path()), Wanted::default(), Duration::ZERO).unwrap();
    assert_eq!(board.newest().notices[0].as_str(), "the logs of 1 instances were not counted within 0 ms");
    assert!(board.newest().uses.is_empty());
}

#[test]
fn the_thread_counts_everything_in_the_end() {
    let tree = tree();
    let (board, snapshot) = (Arc::new(Board::default()), Arc::new(snapshot(tree.path())));
    start(Arc::clone(&board), move || Arc::clone(&snapshot)).unwrap();
    let counted = || board.newest().uses.get(&fleet::id("alice")).is_some_and(|told| told.bytes().1);
    let begun = Instant::now();
    while !counted() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", board.newest());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_tree_that_is_not_there_is_gone() {
    let tree = tree();
    let snapshot = snapshot(tree.path());
    fs::remove_dir_all(tree.path().join("ws")).unwrap();
    fs::remove_file(tree.path().join("server.log")).unwrap();
    let (board, id) = (Board::default(), fleet::id("alice"));
    count_once(&board, &snapshot, Wanted { open_files: false, workspace_of: Some(&id) }, Duration::from_secs(60)).unwrap();
    let told = board.newest().uses[&id].clone();
    assert_eq!((told.log_file_bytes, told.workspace_bytes, told.bytes()), (Reading::Gone, Reading::Gone, (Reading::Known(0), true)));
}
