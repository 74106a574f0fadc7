//! `berth logs -f`: what is written from now on, of one or several logs.
//!
//! It must never print a line twice or half, nor keep silent about lines that it could not print.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::args::Logs;
use super::door::Desk;
use super::errors::Stop;
use super::logs::{Sheet, USUAL};
use super::merge::sort;
use super::output::{Out, aside};
use super::show::nearest;
use crate::domain::{InstanceId, LogLine, LogLineKind, LogView, Shown};
use crate::error::{Context, Error};
use crate::link::{Pattern, Tail};

/// How long the first lines of several logs are waited for, to be merged.
const GATHERING: Duration = Duration::from_millis(500);

/// Goes on until interrupted; a log that cannot be followed any more is an error.
pub fn run(ids: &[InstanceId], words: &Logs, json: bool, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let door = desk.door();
    let mut logs = Vec::new();
    for id in ids {
        logs.push(Followed::new(door.tail(id).map_err(|error| nearest(error, id, desk))?));
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().while_doing(|| "cannot wait for the log".to_owned())?;
    let last = words.lines.unwrap_or(if words.since.is_some() { usize::MAX } else { USUAL });
    let wanted = Wanted { last, since: words.since, grep: words.grep.clone() };
    runtime.block_on(follow(logs, &wanted, &mut Sheet::new(ids, json), out))
}

/// What of the logs is to be shown.
#[derive(Default)]
struct Wanted {
    /// Of what is there already.
    last: usize,
    since: Option<Timestamp>,
    grep: Option<Pattern>,
}

impl Wanted {
    fn is_in(&self, line: &LogLine) -> bool {
        line.kind == LogLineKind::Mark || self.grep.as_ref().is_none_or(|pattern| pattern.is_in(line.text.as_str()))
    }
}

struct Followed {
    tail: Arc<dyn Tail>,
    /// The last line that was told.
    last: u64,
    /// How many of the server's lines were told or are told to be missing.
    accounted: u64,
    /// How many marks of gaps were.
    gaps: u64,
    begun: bool,
    notice: Option<Shown>,
}

impl Followed {
    fn new(tail: Arc<dyn Tail>) -> Self {
        Self { tail, last: 0, accounted: 0, gaps: 0, begun: false, notice: None }
    }

    /// What is new, and what of it could not be kept.
    fn fresh(&mut self, wanted: &Wanted) -> Vec<LogLine> {
        // Until it was looked at, nobody knows which lines are old.
        if *self.tail.version().borrow() == 0 {
            return Vec::new();
        }
        let view = if self.begun {
            let newest = self.tail.lines(None, 0).newest;
            // Up to this line and no further: what comes meanwhile is the next time's.
            self.tail.lines(Some(newest), usize::try_from(newest.saturating_sub(self.last)).unwrap_or(usize::MAX))
        } else if wanted.since.is_none() && wanted.grep.is_none() {
            self.tail.lines(None, wanted.last)
        } else {
            self.tail.lines(None, usize::MAX)
        };
        self.tell_notice(&view);
        self.sort_out(view, wanted)
    }

    fn tell_notice(&mut self, view: &LogView) {
        if view.notice != self.notice {
            if let Some(notice) = &view.notice {
                aside(notice.as_str());
            }
            self.notice.clone_from(&view.notice);
        }
    }

    fn sort_out(&mut self, view: LogView, wanted: &Wanted) -> Vec<LogLine> {
        // A line without an end is told when it has one.
        let is_whole = |line: &LogLine| !(view.unfinished && line.number == view.newest);
        let stands_for = |line: &LogLine| if line.kind == LogLineKind::Text { 1 } else { line.passed };
        let (told, fresh): (Vec<_>, Vec<_>) =
            view.lines.iter().filter(|line| is_whole(line)).cloned().partition(|line| line.number <= self.last);
        if view.lines.is_empty() && self.begun {
            return Vec::new();
        }
        let before = view.before + told.iter().map(stands_for).sum::<u64>();
        let missing = before.saturating_sub(self.accounted);
        self.accounted = before + fresh.iter().map(stands_for).sum::<u64>();
        let gaps = |lines: &[LogLine]| lines.iter().filter(|line| line.is_gap).count() as u64;
        let gaps_before = view.gaps_before + gaps(&told);
        let untold = gaps_before.saturating_sub(self.gaps);
        self.gaps = gaps_before + gaps(&fresh);
        self.last = fresh.last().map_or(self.last, |line| line.number);
        if std::mem::replace(&mut self.begun, true) {
            let gap = (missing > 0 || untold > 0).then(|| {
                let gap = "the log was truncated or rotated faster than it could be followed";
                let lines = if missing == 1 { "line" } else { "lines" };
                let text = match (missing, untold) {
                    (0, _) => format!("{gap}: lines may be missing here"),
                    (_, 0) => format!("{missing} {lines} came too fast and are not shown"),
                    _ => format!("{missing} {lines} came too fast and are not shown, and {gap}: more may be missing"),
                };
                LogLine { passed: missing, is_gap: untold > 0, ..LogLine::mark(0, Shown::new(&text)) }
            });
            return gap.into_iter().chain(fresh.into_iter().filter(|line| wanted.is_in(line))).collect();
        }
        first_lines(fresh, missing, wanted)
    }
}

/// What is there already. `older`: how many lines before these are not kept when a log is followed.
fn first_lines(lines: Vec<LogLine>, older: u64, wanted: &Wanted) -> Vec<LogLine> {
    let mut begun = wanted.since.is_none();
    let oldest = lines.iter().find_map(|line| line.at);
    let mut kept: Vec<LogLine> = lines
        .into_iter()
        .filter(|line| {
            begun |= line.at.zip(wanted.since).is_some_and(|(at, since)| at >= since);
            begun && wanted.is_in(line)
        })
        .collect();
    kept.drain(..kept.len().saturating_sub(wanted.last));
    // There may be more of that time than is kept of a log that is followed.
    if older > 0 && wanted.since.is_some_and(|since| oldest.is_some_and(|oldest| oldest >= since)) {
        kept.insert(0, LogLine::mark(0, Shown::from("older lines of that time are shown without -f")));
    }
    kept
}

async fn follow(mut logs: Vec<Followed>, wanted: &Wanted, sheet: &mut Sheet, out: &mut Out) -> Result<u8, Stop> {
    // One word stands for all that came since the last look: who reads slowly must not be owed any more.
    let (sender, mut receiver) = mpsc::channel(1);
    let gone = Arc::new(AtomicBool::new(false));
    for log in &logs {
        let (mut version, sender, gone) = (log.tail.version(), sender.clone(), Arc::clone(&gone));
        // The first look comes with the first version, whatever that is.
        version.mark_changed();
        tokio::spawn(async move {
            while version.changed().await.is_ok() && !matches!(sender.try_send(()), Err(TrySendError::Closed(()))) {}
            // The tail is still held here: only its reader can have gone.
            gone.store(true, Ordering::SeqCst);
            let _ = sender.send(()).await;
        });
    }
    drop(sender);
    gather(&logs).await;
    while receiver.recv().await.is_some() {
        // One look at all of them for all that was told by now.
        while receiver.try_recv().is_ok() {}
        let is_over = gone.load(Ordering::SeqCst);
        let mut lines = Vec::new();
        for (index, log) in logs.iter_mut().enumerate() {
            lines.extend(log.fresh(wanted).into_iter().map(|line| (index, line)));
        }
        if !lines.is_empty() {
            if logs.len() > 1 {
                sort(&mut lines);
            }
            sheet.begin(out)?;
            for (index, line) in &lines {
                sheet.line(*index, line, out)?;
            }
            sheet.end(out)?;
            // Written at once: whoever follows waits for each line.
            out.flush()?;
        }
        if is_over {
            let error = Error::failed("a log is followed no longer: what reads it has failed");
            return Err(error.hint("berth logs without -f reads it once").into());
        }
    }
    Ok(0)
}

/// Waits until each log was looked at once.
async fn gather(logs: &[Followed]) {
    let begin = Instant::now();
    while begin.elapsed() < GATHERING && logs.iter().any(|log| *log.tail.version().borrow() == 0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, log_line, written};
    use crate::cli::logs::tests::words;

    fn followed() -> Followed {
        let id = fleet::id("alice");
        Followed::new(FakeDesk::new(fleet::fleet()).door().tail(&id).unwrap())
    }

    fn view(numbers: std::ops::RangeInclusive<u64>, before: u64) -> LogView {
        let (oldest, newest) = (*numbers.start(), *numbers.end());
        LogView {
            lines: numbers.map(|number| log_line(&fleet::id("alice"), number)).collect(),
            oldest,
            newest,
            before,
            ..LogView::default()
        }
    }

    fn texts(lines: &[LogLine]) -> Vec<&str> {
        lines.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn each_line_once_until_the_log_cannot_change_any_more() {
        for (line, expected) in [
            ("alice -f -n 2", "line 2 of alice\nline 3 of alice\n"),
            ("alice -f --grep 1", "line 1 of alice\n"),
            ("alice dave -f -n 1", "alice | line 3 of alice\ndave  | line 3 of dave\n"),
        ] {
            let (mut out, text) = written();
            let over = crate::cli::logs::run(&words(line), &global(""), &FakeDesk::new(fleet::fleet()), &mut out);
            assert!(matches!(over, Err(Stop::Error(_))), "nobody asked for its end");
            assert_eq!(text(), expected);
        }
    }

    #[test]
    fn documents_come_one_a_line() {
        let (mut out, text) = written();
        crate::cli::logs::run(&words("alice -f -n 2"), &global("--json"), &FakeDesk::new(fleet::fleet()), &mut out).unwrap_err();
        let text = text();
        let documents: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (documents.len(), &documents[0]["schema"], &documents[0]["lines"][1]["text"]),
            (1, &1.into(), &"line 3 of alice".into())
        );
    }

    #[test]
    fn what_is_missing_is_counted_exactly() {
        let wanted = Wanted { last: 10, ..Wanted::default() };
        let mut log = followed();
        assert_eq!(log.sort_out(view(1..=3, 0), &wanted).len(), 3);
        assert_eq!(
            texts(&log.sort_out(view(7..=8, 6), &wanted)),
            ["3 lines came too fast and are not shown", "line 7 of alice", "line 8 of alice"]
        );
        // What was told already is not told again, and what was passed over is told by its mark.
        let mut next = view(8..=10, 7);
        next.lines[1] = LogLine { number: 9, passed: 500, ..LogLine::mark(9, Shown::from("500 lines were passed over")) };
        assert_eq!(texts(&log.sort_out(next, &wanted)), ["500 lines were passed over", "line 10 of alice"]);
        assert_eq!((log.last, log.accounted), (10, 509));
        assert_eq!(texts(&log.sort_out(view(11..=11, 509), &wanted)), ["line 11 of alice"]);
    }

    #[test]
    fn a_gap_whose_mark_came_too_fast_is_told_all_the_same() {
        let wanted = Wanted { last: 10, ..Wanted::default() };
        let mut log = followed();
        log.sort_out(view(1..=3, 0), &wanted);
        let mut marked = view(4..=5, 3);
        marked.lines[0] = LogLine { is_gap: true, ..LogLine::mark(4, Shown::from("the log was truncated")) };
        assert_eq!(texts(&log.sort_out(marked, &wanted)), ["the log was truncated", "line 5 of alice"]);
        let mut told = |before, gaps_before, number| {
            let lines = log.sort_out(LogView { gaps_before, ..view(number..=number, before) }, &wanted);
            lines.into_iter().map(|line| line.text.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(told(4, 1, 6), ["line 6 of alice"]);
        let gap = "the log was truncated or rotated faster than it could be followed";
        let both = format!("1 line came too fast and are not shown, and {gap}: more may be missing");
        assert_eq!(told(6, 2, 8), [both, "line 8 of alice".to_owned()]);
        assert_eq!(told(7, 3, 9), [format!("{gap}: lines may be missing here"), "line 9 of alice".to_owned()]);
    }

    #[test]
    fn half_a_line_waits_for_its_end() {
        let wanted = Wanted { last: 10, ..Wanted::default() };
        let mut log = followed();
        let mut half = view(1..=3, 0);
        half.unfinished = true;
        assert_eq!(texts(&log.sort_out(half, &wanted)), ["line 1 of alice", "line 2 of alice"]);
        assert_eq!(texts(&log.sort_out(view(3..=4, 2), &wanted)), ["line 3 of alice", "line 4 of alice"]);
    }

    #[test]
    fn a_moment_counts_for_what_is_there_already() {
        let since = Timestamp::from_second(100).unwrap();
        let line =
            |second: i64, text: &str| LogLine { at: Timestamp::from_second(second).ok(), ..LogLine::text(1, None, Shown::from(text)) };
        let wanted = Wanted { last: usize::MAX, since: Some(since), grep: None };
        assert_eq!(texts(&first_lines(vec![line(90, "a"), line(100, "b"), line(99, "c")], 5, &wanted)), ["b", "c"]);
        assert_eq!(texts(&first_lines(vec![line(101, "a")], 5, &wanted)), ["older lines of that time are shown without -f", "a"]);
        assert_eq!(texts(&first_lines(vec![line(101, "a")], 0, &wanted)), ["a"]);
    }
}
