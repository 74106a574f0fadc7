//! `berth logs -f`: what is written from now on, of one or several logs.
//!
//! It must never print a line twice, nor keep silent about lines that it could not print.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::door::Desk;
use super::errors::Stop;
use super::logs::{Prefixes, text};
use super::output::{Out, aside};
use super::show::nearest;
use crate::domain::{InstanceId, LogView, Shown};
use crate::error::Context;
use crate::link::Tail;

/// Goes on until interrupted, or until no log can change any more.
pub fn run(ids: &[InstanceId], count: usize, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let door = desk.door();
    let mut logs = Vec::new();
    for id in ids {
        logs.push(Followed { tail: door.tail(id).map_err(|error| nearest(error, id, desk))?, id: id.clone(), last: 0, notice: None });
    }
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().while_doing(|| "cannot wait for the log".to_owned())?;
    runtime.block_on(follow(logs, count, &Prefixes::new(ids), out))
}

struct Followed {
    id: InstanceId,
    tail: Arc<dyn Tail>,
    last: u64,
    notice: Option<Shown>,
}

async fn follow(mut logs: Vec<Followed>, count: usize, prefixes: &Prefixes, out: &mut Out) -> Result<u8, Stop> {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for (at, log) in logs.iter().enumerate() {
        let (mut version, sender) = (log.tail.version(), sender.clone());
        // The first look comes with the first version, whatever that is.
        version.mark_changed();
        tokio::spawn(async move { while version.changed().await.is_ok() && sender.send(at).is_ok() {} });
    }
    drop(sender);
    while let Some(at) = receiver.recv().await {
        let Some(log) = logs.get_mut(at) else { continue };
        let view = match log.last {
            0 => log.tail.lines(None, count),
            last => {
                let newest = log.tail.lines(None, 0).newest;
                log.tail.lines(None, usize::try_from(newest.saturating_sub(last)).unwrap_or(usize::MAX))
            }
        };
        show(log, &view, prefixes, out)?;
        // Written at once: whoever follows waits for each line.
        out.flush()?;
    }
    Ok(0)
}

fn show(log: &mut Followed, view: &LogView, prefixes: &Prefixes, out: &mut Out) -> Result<(), Stop> {
    let prefix = prefixes.of(&log.id);
    if view.notice != log.notice {
        if let Some(notice) = &view.notice {
            aside(&format!("{prefix}{notice}"));
        }
        log.notice.clone_from(&view.notice);
    }
    let color = out.style().color;
    let fresh = view.lines.iter().filter(|line| line.number > log.last);
    if let Some(first) = fresh.clone().next()
        && log.last > 0
        && first.number > log.last + 1
    {
        out.text(&format!("{prefix}-- {} lines came too fast and are not shown --\n", first.number - log.last - 1))?;
    }
    for line in fresh {
        out.text(&text(prefix, line, color))?;
    }
    log.last = log.last.max(view.newest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, log_line, written};

    #[test]
    fn each_line_once_until_the_log_cannot_change_any_more() {
        let (mut out, text) = written();
        let desk = FakeDesk::new(fleet::fleet());
        assert_eq!(run(&[fleet::id("alice")], 2, &desk, &mut out).unwrap(), 0);
        assert_eq!(text(), "line 2 of alice\nline 3 of alice\n");
    }

    #[test]
    fn a_gap_is_told() {
        let (mut out, text) = written();
        let desk = FakeDesk::new(fleet::fleet());
        let id = fleet::id("alice");
        let mut log = Followed { tail: desk.door().tail(&id).unwrap(), id: id.clone(), last: 3, notice: None };
        let view = LogView { lines: vec![log_line(&id, 7), log_line(&id, 8)], oldest: 7, newest: 8, ..LogView::default() };
        show(&mut log, &view, &Prefixes::new(&[id]), &mut out).unwrap();
        assert_eq!(text(), "-- 3 lines came too fast and are not shown --\nline 7 of alice\nline 8 of alice\n");
        assert_eq!(log.last, 8);
    }
}
