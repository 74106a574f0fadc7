//! The bookkeeping of listeners, without a kernel.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::domain::{Endpoint, Shown, Uid};

const NOW: Duration = Duration::from_secs(100);

fn raw(cookie: u64, port: u16) -> RawListener {
    let endpoint = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    RawListener { cookie, endpoint, uid: 1000, inode: u32::try_from(cookie).unwrap() * 10 }
}

fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn hold(pid: i32) -> Hold {
    Hold { key: ProcessKey { pid, start_time: 7 }, descriptor: 3 }
}

fn holder(key: ProcessKey) -> Option<Holder> {
    let name = Shown::new("x");
    Some(Holder { key, parent: 1, uid: Uid(1000), name: name.clone(), command: name, started_at: wall(0) })
}

fn with(dump: &[RawListener]) -> Listeners {
    let mut listeners = Listeners::default();
    assert!(listeners.take(&mut dump.to_vec(), wall(1)));
    listeners
}

fn held(listeners: &mut Listeners) -> Vec<Reading<usize>> {
    listeners.shown(holder).iter().map(|listener| listener.holders.as_ref().map(|holders| holders.len())).collect()
}

#[test]
fn only_a_difference_is_a_change() {
    let mut listeners = with(&[raw(1, 80), raw(2, 81)]);
    let shown = listeners.shown(holder);
    assert!(!listeners.take(&mut vec![raw(1, 80), raw(2, 81)], wall(2)));
    assert!(Arc::ptr_eq(&shown, &listeners.shown(holder)));
    // Another order, as after a rehash, is no change either.
    assert!(!listeners.take(&mut vec![raw(2, 81), raw(1, 80)], wall(2)));
    assert!(listeners.take(&mut vec![raw(1, 80)], wall(3)));
    assert_eq!(listeners.shown(holder).len(), 1);
}

#[test]
fn since_is_when_it_was_first_seen() {
    let mut listeners = with(&[raw(1, 80)]);
    listeners.take(&mut vec![raw(1, 80), raw(2, 80)], wall(9));
    let since: Vec<i64> = listeners.shown(holder).iter().map(|listener| listener.since.as_second()).collect();
    assert_eq!(since, [1, 9]);
    // The same port and inode again is another socket by its cookie.
    let again = RawListener { inode: raw(1, 80).inode, ..raw(3, 80) };
    assert!(listeners.take(&mut vec![again, raw(2, 80)], wall(11)));
    assert_eq!(listeners.shown(holder)[0].since.as_second(), 11);
}

#[test]
fn what_was_there_before_berth_is_as_old_as_its_holder() {
    let mut listeners = with(&[raw(1, 80)]);
    listeners.take(&mut vec![raw(1, 80), raw(2, 80)], wall(9));
    for cookie in [1, 2] {
        listeners.answer(cookie, Reading::Known(vec![hold(5)]), NOW);
    }
    // The holder started at 0: the first socket may be that old, the second one was seen to come.
    let since: Vec<i64> = listeners.shown(holder).iter().map(|listener| listener.since.as_second()).collect();
    assert_eq!(since, [0, 9]);
}

#[test]
fn what_was_told_twice_is_there_once() {
    let listeners = with(&[raw(1, 80), raw(1, 80), raw(2, 81)]);
    assert_eq!(listeners.last.len(), 2);
    assert!(listeners.misses_any(&[raw(1, 80)]));
    assert!(!listeners.misses_any(&[raw(2, 81), raw(1, 80), raw(3, 82)]));
}

#[test]
fn only_what_is_of_interest_is_looked_for() {
    let mut listeners = with(&[raw(1, 80), raw(2, 8080)]);
    let due = |listeners: &mut Listeners| listeners.due(|port| port >= 8080, NOW).iter().map(|raw| raw.cookie).collect::<Vec<_>>();
    assert_eq!(due(&mut listeners), [2]);
    assert!(listeners.answer(2, Reading::Known(vec![hold(5)]), NOW));
    assert_eq!(due(&mut listeners), [0; 0]);
    assert_eq!(held(&mut listeners), [Reading::Unasked, Reading::Known(1)]);
}

#[test]
fn what_was_not_found_is_asked_ever_more_rarely() {
    let mut listeners = with(&[raw(1, 80)]);
    let mut now = NOW;
    for attempts in 0..20 {
        assert_eq!(listeners.due(|_| true, now).len(), 1);
        listeners.answer(1, Reading::Gone, now);
        assert!(listeners.due(|_| true, now + pause(attempts) / 2).is_empty());
        now += pause(attempts);
    }
    assert_eq!(pause(20), Duration::from_secs(60));
    assert_eq!(held(&mut listeners), [Reading::Gone]);
}

#[test]
fn the_last_holder_lost_is_a_question_again() {
    let mut listeners = with(&[raw(1, 80)]);
    listeners.answer(1, Reading::Known(vec![hold(5)]), NOW);
    assert!(listeners.add(1, hold(6)));
    assert!(!listeners.add(1, hold(6)));
    assert!(listeners.lose(hold(5).key, None));
    assert!(!listeners.lose(hold(5).key, None));
    assert_eq!(held(&mut listeners), [Reading::Known(1)]);
    assert!(listeners.due(|_| true, NOW).is_empty());
    assert!(listeners.lose(hold(6).key, Some(1)));
    assert_eq!(held(&mut listeners), [Reading::Unasked]);
    assert_eq!(listeners.due(|_| true, NOW).len(), 1);
}

#[test]
fn everything_is_checked_once_in_so_many_rounds() {
    let dump: Vec<RawListener> = (1..=10).map(|cookie| raw(cookie, 80)).collect();
    let mut listeners = with(&dump);
    for cookie in 1..=10 {
        listeners.answer(cookie, Reading::Known(vec![hold(5)]), NOW);
    }
    let mut checked: Vec<u64> = (0..4).flat_map(|_| listeners.next_to_check(4)).map(|(raw, _)| raw.cookie).collect();
    checked.sort_unstable();
    assert_eq!(checked, (1..=10).collect::<Vec<_>>());
    assert_eq!(listeners.held_by(5).len(), 10);
    assert_eq!(listeners.holding_pids().len(), 1);
    assert!(Listeners::default().next_to_check(4).is_empty());
}
