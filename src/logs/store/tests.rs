//! Pages, places and counts of a store, plain and packed.

use super::*;
use crate::logs::Pattern;
use crate::logs::page::{Find, Goal, Sought};

fn line(index: u64) -> LogLine {
    let level = if index % 100 == 50 { LogLevel::Error } else { LogLevel::Info };
    let at = jiff::Timestamp::from_second(1_000_000 + index.cast_signed()).ok();
    LogLine { at, ..LogLine::text(0, Some(level), Shown::new(&format!("line {index} of many"))) }
}

fn store(lines: std::ops::Range<u64>) -> Store {
    let mut store = Store::default();
    store.add(lines.map(line));
    store
}

fn settle(store: &mut Store) {
    store.settle();
    let mut packer = Packer::new();
    while let Some(mut chunk) = store.to_pack() {
        chunk.pack(&mut packer);
        store.packed(chunk);
    }
}

fn sift(store: &mut Store, change: impl FnOnce(&mut Want)) {
    let mut want = store.want().clone();
    change(&mut want);
    store.sift(want);
}

/// Which lines a page has, counted from the first that came in.
fn page(store: &mut Store, at: At, count: usize) -> Vec<i64> {
    let page = store.page(&Ask { at, count, ..Ask::default() });
    page.lines.iter().map(|line| (line.number.cast_signed()) - FIRST.cast_signed()).collect()
}

fn find(store: &mut Store, goal: Goal, from: u64, forward: bool) -> Find {
    store.find(&Sought { goal, from: Some(from), forward, inclusive: false, wraps: true })
}

fn at(index: u64, wrapped: bool) -> Find {
    Find::At { number: FIRST + index, wrapped }
}

#[test]
fn pages_lie_where_they_are_asked_for() {
    let mut store = store(0..20_000);
    settle(&mut store);
    assert_eq!(page(&mut store, At::Newest, 3), [19_997, 19_998, 19_999]);
    assert_eq!(page(&mut store, At::Oldest, 3), [0, 1, 2]);
    assert_eq!(page(&mut store, At::Ending(FIRST + 513), 3), [511, 512, 513]);
    assert_eq!(page(&mut store, At::Ending(FIRST), 3), [0, 1, 2]);
    assert_eq!(page(&mut store, At::Ending(7), 3), [0, 1, 2]);
    assert_eq!(page(&mut store, At::Up(FIRST + 513, 2), 3), [509, 510, 511]);
    assert_eq!(page(&mut store, At::Up(FIRST + 3, 9000), 3), [0, 1, 2]);
    assert_eq!(page(&mut store, At::Down(FIRST + 509, 2), 3), [509, 510, 511]);
    assert_eq!(page(&mut store, At::Down(FIRST + 19_998, 2000), 3), [19_997, 19_998, 19_999]);
    assert_eq!(page(&mut store, At::Newest, 0), [] as [i64; 0]);
    let whole = store.page(&Ask { at: At::Ending(FIRST + 5), count: 2, since: Some(FIRST + 19_899), current: None });
    assert_eq!((whole.is_newest, whole.is_oldest, whole.unseen, whole.unseen_errors, whole.kept), (false, false, 100, 1, 20_000));
    let mut empty = Store::default();
    let nothing = empty.page(&Ask { count: 5, ..Ask::default() });
    assert_eq!((nothing.lines.len(), nothing.newest, nothing.is_newest, nothing.is_oldest), (0, 0, true, true));
}

#[test]
fn what_is_left_out_is_stepped_over() {
    let mut store = store(0..20_000);
    settle(&mut store);
    sift(&mut store, |want| want.keep = vec![Pattern::new("[05]00 ").unwrap()]);
    settle(&mut store);
    assert_eq!(page(&mut store, At::Newest, 2), [19_000, 19_500]);
    assert_eq!(page(&mut store, At::Up(FIRST + 19_500, 1), 2), [18_500, 19_000]);
    assert_eq!(page(&mut store, At::Down(FIRST + 400, 2), 2), [500, 1000]);
    let first = store.page(&Ask { at: At::Oldest, count: 1, ..Ask::default() });
    assert_eq!((first.lines[0].text.as_str(), first.shown, first.kept), ("line 500 of many", 39, 20_000));
    sift(&mut store, |want| want.drop = vec![Pattern::new("9500").unwrap()]);
    settle(&mut store);
    assert_eq!(page(&mut store, At::Newest, 2), [18_500, 19_000]);
    // What comes in is judged at once.
    store.add((20_000..20_101).map(line));
    assert_eq!(page(&mut store, At::Newest, 2), [19_000, 20_000]);
    sift(&mut store, |want| *want = Want { level: Some(LogLevel::Error), ..Want::default() });
    settle(&mut store);
    assert_eq!(page(&mut store, At::Newest, 2), [19_950, 20_050]);
    let at = |index: i64| jiff::Timestamp::from_second(1_000_000 + index).ok();
    sift(&mut store, |want| *want = Want { since: at(70), until: at(73), ..Want::default() });
    settle(&mut store);
    assert_eq!(page(&mut store, At::Newest, 9), [70, 71, 72]);
}

#[test]
fn one_question_goes_through_little_and_tells_how_far_it_is() {
    let mut store = store(0..20_000);
    sift(&mut store, |want| want.keep = vec![Pattern::new("^line 3 ").unwrap()]);
    let before = store.page(&Ask { count: 10, ..Ask::default() });
    assert_eq!((before.lines.len(), before.is_newest), (0, true));
    assert!(before.sifting.is_some_and(|percent| percent < 50), "{:?}", before.sifting);
    settle(&mut store);
    assert_eq!((page(&mut store, At::Newest, 10), store.progress()), (vec![3], None));
}

#[test]
fn a_match_is_found_in_both_directions_and_over_the_end() {
    let mut store = store(0..20_000);
    settle(&mut store);
    sift(&mut store, |want| want.search = Some(Pattern::new("line (100|15000|19999) ").unwrap()));
    assert_eq!(find(&mut store, Goal::Match, FIRST + 5000, false), Find::Later);
    settle(&mut store);
    assert_eq!(find(&mut store, Goal::Match, FIRST + 5000, false), at(100, false));
    assert_eq!(find(&mut store, Goal::Match, FIRST + 5000, true), at(15_000, false));
    assert_eq!(find(&mut store, Goal::Match, FIRST + 100, false), at(19_999, true));
    assert_eq!(find(&mut store, Goal::Match, FIRST + 19_999, true), at(100, true));
    let sought = Sought { goal: Goal::Match, from: None, forward: false, inclusive: true, wraps: true };
    assert_eq!(store.find(&sought), at(19_999, false));
    let ranked = store.page(&Ask { current: Some(FIRST + 15_000), ..Ask::default() });
    assert_eq!((ranked.found, ranked.rank), (3, 2));
    assert_eq!(find(&mut store, Goal::Error, FIRST + 50, true), at(150, false));
    assert_eq!(find(&mut store, Goal::Error, FIRST + 50, false), at(19_950, true));
    let once = Sought { goal: Goal::Error, from: Some(FIRST + 19_950), forward: true, inclusive: false, wraps: false };
    assert_eq!(store.find(&once), Find::Nowhere);
    sift(&mut store, |want| want.search = Some(Pattern::new("never").unwrap()));
    settle(&mut store);
    assert_eq!(find(&mut store, Goal::Match, FIRST, true), Find::Nowhere);
    store.set_reading(Some(40));
    assert_eq!(find(&mut store, Goal::Match, FIRST, true), Find::Later);
}

#[test]
fn older_lines_come_before_and_count_down() {
    let mut store = store(0..10);
    let mut older = Older::new(store.room());
    (0..1500).map(|index| line(5_000 + index)).for_each(|line| older.push(line));
    older.into_store(&mut store);
    assert_eq!(page(&mut store, At::Oldest, 2), [-1500, -1499]);
    assert_eq!(page(&mut store, At::Ending(FIRST), 3), [-2, -1, 0]);
    assert_eq!(store.page(&Ask { at: At::Ending(FIRST - 1), count: 1, ..Ask::default() }).lines[0].text.as_str(), "line 6499 of many");
    let mut narrow = Older::new((600, MOST_BYTES));
    (0..5000).map(line).for_each(|line| narrow.push(line));
    assert!(narrow.lines <= 600 + 512, "{}", narrow.lines);
}

#[test]
fn a_line_without_an_end_is_the_newest() {
    let mut store = store(0..10);
    store.open(Some(line(50)));
    let newest = store.page(&Ask { count: 2, ..Ask::default() });
    assert_eq!(newest.lines.iter().map(|line| line.number - FIRST).collect::<Vec<_>>(), [9, 10]);
    assert_eq!((newest.newest - FIRST, newest.lines[1].level), (10, Some(LogLevel::Error)));
    assert_eq!(page(&mut store, At::Ending(FIRST + 9), 2), [8, 9]);
    assert_eq!(page(&mut store, At::Down(FIRST + 9, 1), 2), [9, 10]);
    assert_eq!(store.since(FIRST + 9), (1, 1));
}

#[test]
fn a_million_lines_fit() {
    let mut store = Store::default();
    let text = Shown::new("2026-11-21T03:12:04.120Z INFO  tools/call echo took 12 ms, session 8f95 of user alice, nothing of interest");
    let mut packer = Packer::new();
    for _ in 0..220 {
        store.add((0..5000).map(|_| LogLine::text(0, None, text.clone())));
        while let Some(mut chunk) = store.to_pack() {
            chunk.pack(&mut packer);
            store.packed(chunk);
        }
    }
    assert!((MOST_KEPT - 1000..=MOST_KEPT).contains(&store.lines), "{}", store.lines);
    assert!(store.bytes < MOST_BYTES && store.shed && store.room() == (0, 0));
    assert_eq!(store.bytes, store.chunks.iter().map(Chunk::weight).sum::<usize>());
}

#[test]
fn every_slice_once_is_all_that_is_to_be_seen() {
    let mut store = store(0..3000);
    sift(&mut store, |want| want.keep = vec![Pattern::new("00 ").unwrap()]);
    let (mut from, mut seen) = (Some(0), 0);
    while let Some(next) = from {
        let (lines, on) = store.slice(next, u64::MAX - 1);
        (seen, from) = (seen + lines.len(), on);
    }
    assert_eq!(seen, 29);
    assert_eq!(store.slice(FIRST + 100, FIRST + 200).0.len(), 2);
}

#[test]
fn in_a_log_without_lines_there_is_nothing_to_go_through() {
    let mut store = Store::default();
    sift(&mut store, |want| want.keep = vec![Pattern::new("7").unwrap()]);
    sift(&mut store, |want| want.search = Some(Pattern::new("1").unwrap()));
    // Whoever went through it would be told to go through it again, for ever.
    assert!(store.next_job().is_none());
    assert_eq!(page(&mut store, At::Newest, 3), [] as [i64; 0]);
    store.add((0..20).map(line));
    store.settle();
    assert_eq!(page(&mut store, At::Newest, 3), [7, 17]);
    assert_eq!(find(&mut store, Goal::Match, FIRST, true), at(17, false));
}
