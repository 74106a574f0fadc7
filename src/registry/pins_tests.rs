//! Certificates at first sight, at the second, and in a file that somebody damaged.

use super::*;

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

fn print(byte: u8) -> Fingerprint {
    Fingerprint::new([byte; 32])
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

#[test]
fn the_first_one_is_kept_and_no_other_takes_its_place_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let pins = Pins::below(&state);
    let (pin, is_new) = pins.of(&id("alice"), 8443, print(1), NOW).unwrap();
    assert!(is_new && pin.print == print(1));
    assert!(!state.exists(), "who only looks writes nothing");
    pins.keep(&id("alice"), 8443, pin);
    assert_eq!(pins.notice(), None);
    let other = Pins::below(&state);
    assert_eq!(other.of(&id("alice"), 8443, print(2), NOW), Some((pin, false)));
    assert!(other.of(&id("alice"), 8444, print(2), NOW).unwrap().1, "another port is another one");
    assert!(other.of(&id("alice/tools"), 8443, print(2), NOW).unwrap().1);
    assert_eq!(fs::metadata(&state).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(state.join(FILE)).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn what_is_accepted_here_is_known_to_the_others_and_what_is_removed_is_forgotten() {
    let state = tempfile::tempdir().unwrap();
    let (one, other) = (Pins::below(state.path()), Pins::below(state.path()));
    let (pin, _) = one.of(&id("bob"), 1, print(1), NOW).unwrap();
    one.keep(&id("bob"), 1, pin);
    other.refresh();
    let before = one.serial();
    other.trust(&id("bob"), 1, print(2)).unwrap();
    other.trust(&id("carol"), 2, print(3)).unwrap();
    one.refresh();
    assert_ne!(one.serial(), before);
    assert_eq!(one.of(&id("bob"), 1, print(9), NOW).unwrap().0.print, print(2));
    assert_eq!(one.of(&id("carol"), 2, print(9), NOW).unwrap().0.print, print(3));
    let serial = one.serial();
    one.refresh();
    assert_eq!(one.serial(), serial, "nobody wrote");
    one.forget(&id("bob")).unwrap();
    assert!(Pins::below(state.path()).of(&id("bob"), 1, print(9), NOW).unwrap().1);
}

#[test]
fn who_saw_it_second_does_not_write_over_who_saw_it_first() {
    let state = tempfile::tempdir().unwrap();
    let (one, other) = (Pins::below(state.path()), Pins::below(state.path()));
    let (first, _) = one.of(&id("bob"), 1, print(1), NOW).unwrap();
    let (second, _) = other.of(&id("bob"), 1, print(2), NOW).unwrap();
    one.keep(&id("bob"), 1, first);
    other.keep(&id("bob"), 1, second);
    assert_eq!(other.of(&id("bob"), 1, print(2), NOW), Some((first, false)));
}

#[test]
fn a_damaged_file_is_told_kept_and_believed_in_nothing() {
    let state = tempfile::tempdir().unwrap();
    let pins = Pins::below(state.path());
    for (name, byte) in [("alice", 1), ("bob/tools", 2)] {
        pins.trust(&id(name), 8443, print(byte)).unwrap();
    }
    let path = state.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        assert!(of_text(std::str::from_utf8(&whole[..length]).unwrap()).is_err(), "{length}");
    }
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    pins.refresh();
    assert_eq!(pins.of(&id("alice"), 8443, print(1), NOW), None);
    assert!(pins.notice().unwrap().as_str().contains("is damaged"), "{:?}", pins.notice());
    let refused = pins.trust(&id("alice"), 8443, print(3)).unwrap_err();
    assert!(refused.chain().contains("damaged"), "{}", refused.chain());
    assert_eq!(fs::read(&path).unwrap(), &whole[..whole.len() / 2], "nobody wrote over it");
    fs::remove_file(&path).unwrap();
    pins.refresh();
    assert_eq!(pins.notice(), None);
    assert!(pins.of(&id("alice"), 8443, print(3), NOW).unwrap().1);
}

#[test]
fn where_nothing_can_be_written_it_is_known_to_this_process_and_said() {
    let state = tempfile::tempdir().unwrap();
    fs::write(state.path().join("file"), "").unwrap();
    let pins = Pins::below(&state.path().join("file"));
    assert_eq!(pins.of(&id("alice"), 1, print(1), NOW), None, "what may not be read may say anything");
    assert!(pins.notice().is_some());
    let unkept = Pins::default();
    let (pin, _) = unkept.of(&id("alice"), 1, print(1), NOW).unwrap();
    unkept.keep(&id("alice"), 1, pin);
    assert_eq!(unkept.of(&id("alice"), 1, print(2), NOW), Some((pin, false)));
}

#[test]
fn who_moves_from_port_to_port_takes_no_room_of_others() {
    let state = tempfile::tempdir().unwrap();
    let pins = Pins::below(state.path());
    let see = |name: &str, port: u16| {
        let (pin, is_new) = pins.of(&id(name), port, print(1), NOW).unwrap();
        if is_new {
            pins.keep(&id(name), port, pin);
        }
    };
    see("alice", 1);
    for port in 1..60 {
        see("mallory", port);
        // The one that goes on being used stays.
        see("mallory", 1);
    }
    for pins in [pins.clone(), Pins::below(state.path())] {
        let its: Vec<u16> = (1..60).filter(|port| pins.has(&id("mallory"), *port)).collect();
        assert_eq!(its, [1, 53, 54, 55, 56, 57, 58, 59]);
        assert!(pins.has(&id("alice"), 1));
    }
    assert_eq!(pins.state().used.len(), 1 + MOST_OF_ONE);
}

#[test]
fn what_could_not_be_written_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    let pins = Pins::below(&state);
    let (pin, _) = pins.of(&id("alice"), 1, print(1), NOW).unwrap();
    // Where the directory is to be there is a file.
    fs::write(&state, "").unwrap();
    pins.keep(&id("alice"), 1, pin);
    assert!(pins.notice().is_some());
    pins.keep_again_after(Duration::ZERO);
    assert!(pins.notice().is_some());
    fs::remove_file(&state).unwrap();
    pins.keep_again_after(Duration::from_secs(3600));
    assert!(pins.notice().is_some(), "not yet");
    pins.keep_again_after(Duration::ZERO);
    assert_eq!(pins.notice(), None);
    assert_eq!(Pins::below(&state).of(&id("alice"), 1, print(2), NOW), Some((pin, false)));
    fs::remove_dir_all(&state).unwrap();
    pins.keep_again_after(Duration::ZERO);
    assert!(!state.exists(), "once");
}

#[test]
fn what_may_not_be_read_is_not_called_damaged() {
    let path = Path::new("/var/lib/berth/certificates");
    let told = |error: io::Error| {
        let why = Unread::from(error);
        (why.words(path), why.in_the_way(path).chain())
    };
    let (notice, refusal) = told(io::Error::from_raw_os_error(libc::EACCES));
    assert!(notice.starts_with("this account may not read /var/lib/berth/certificates: no instance is known by"), "{notice}");
    assert!(!notice.contains("damaged") && !notice.contains("moved away") && !refusal.contains("damaged"), "{notice} {refusal}");
    let (notice, refusal) = told(io::Error::from_raw_os_error(libc::EIO));
    assert!(notice.contains("cannot be read (") && !notice.contains("damaged") && !refusal.contains("damaged"), "{notice} {refusal}");
    assert!(Unread::Damaged("line 2".to_owned()).words(path).ends_with("until it is moved away"));
    let denied = Unread::Denied.in_the_way(path);
    assert_eq!(denied.exit_code(), crate::error::Kind::NotPermitted.exit_code());
}
