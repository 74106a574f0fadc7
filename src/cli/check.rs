//! `berth check`: what is wrong, and an exit code that says whether something is an error.
//!
//! It must never exit with 1 for a warning: scripts would learn to ignore it.

use super::args::{Check, Global};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::ls::{is_configured, tell_missing, tell_notices};
use super::output::Out;
use crate::domain::{HostPart, Level, Snapshot, State, words};
use crate::error::Kind;
use crate::present::{json, sarif, table};

/// How many that crashed are named.
const MOST_NAMED: usize = 20;

/// Runs the command.
pub fn run(words: Check, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    out.reach_all(desk.hosts());
    let snapshot = if words.origin { desk.audit()? } else { desk.examine()? };
    if words.sarif {
        let log = sarif::sarif(&snapshot, out.program());
        unless_closed(out.json(&log))?;
    } else if global.json {
        unless_closed(out.json(&json::check(&snapshot)))?;
    } else if snapshot.findings.is_empty() {
        // What may not be seen may be wrong all the same.
        let is_all_seen = snapshot.hosts.iter().all(HostPart::is_reached)
            && snapshot.rows.iter().all(|row| row.wish.is_some() && row.state != State::Unknown);
        let of = if is_all_seen { "" } else { " of what may be seen" };
        match unwell(&snapshot) {
            Some(unwell) => out.text(&format!("no finding{of}; {unwell}\n"))?,
            None => out.text(&format!("nothing is wrong{of}: {}\n", table::summary(&snapshot)))?,
        }
    } else {
        let text = table::findings(&snapshot.findings, &snapshot, out.style(), out.program());
        unless_closed(out.text(&text))?;
        if let Some(unwell) = unwell(&snapshot) {
            unless_closed(out.text(&format!("{unwell}\n")))?;
        }
    }
    tell_notices(&snapshot, is_configured(desk), global);
    let is_wrong = snapshot.findings.iter().any(|finding| finding.level() == Level::Error);
    // A host of which nothing is known is none on which nothing is wrong.
    let is_told = tell_missing(&snapshot);
    Ok(if !is_wrong && !is_told { Kind::Timeout.exit_code() } else { u8::from(is_wrong) })
}

/// "not well: frank (crashed) and zoe (crash-loop)": no finding says it, and who asks what is wrong is to hear it.
fn unwell(snapshot: &Snapshot) -> Option<String> {
    let crashed = snapshot.rows.iter().filter(|row| matches!(row.state, State::Crashed | State::CrashLoop));
    let all: Vec<String> = crashed.map(|row| format!("{} ({})", row.id, row.state.word())).collect();
    let names = if all.len() > MOST_NAMED { [&all[..MOST_NAMED], &[format!("{} more", all.len() - MOST_NAMED)]].concat() } else { all };
    (!names.is_empty()).then(|| format!("not well: {}", words::list(&names)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    #[test]
    fn only_an_error_exits_with_1() {
        let mut snapshot = fleet::fleet();
        assert_eq!(run(Check::default(), &global(""), &FakeDesk::new(snapshot.clone()), &mut crate::cli::fake::closed()).unwrap(), 1);
        let (mut out, text) = written();
        assert_eq!(run(Check::default(), &global(""), &FakeDesk::new(snapshot.clone()), &mut out).unwrap(), 1);
        assert!(text().contains("port-taken") && text().contains("mend it:"));
        assert!(text().ends_with("\nnot well: carol (crashed)\n"), "{}", text());

        snapshot.findings.retain(|finding| finding.level() != Level::Error);
        assert_eq!(run(Check::default(), &global(""), &FakeDesk::new(snapshot.clone()), &mut written().0).unwrap(), 0);

        snapshot.findings.clear();
        let (mut out, text) = written();
        assert_eq!(run(Check::default(), &global(""), &FakeDesk::new(snapshot.clone()), &mut out).unwrap(), 0);
        assert!(text() == "no finding of what may be seen; not well: carol (crashed)\n", "{}", text());

        for row in &mut snapshot.rows {
            let row = std::sync::Arc::make_mut(row);
            (row.state, row.wish) = (State::Running, Some(crate::domain::Wish::Up));
        }
        let (mut out, text) = written();
        assert_eq!(run(Check::default(), &global(""), &FakeDesk::new(snapshot), &mut out).unwrap(), 0);
        assert!(text().starts_with("nothing is wrong: 8 instances"), "{}", text());
    }

    #[test]
    fn the_sarif_log_names_the_same() {
        let (mut out, text) = written();
        let words = Check { sarif: true, ..Check::default() };
        assert_eq!(run(words, &global(""), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 1);
        let log: serde_json::Value = serde_json::from_str(&text()).unwrap();
        assert_eq!((&log["version"], &log["runs"][0]["results"][0]["ruleId"]), (&"2.1.0".into(), &"port-taken".into()));
    }

    #[test]
    fn the_document_is_one_line() {
        let (mut out, text) = written();
        assert_eq!(run(Check::default(), &global("--json"), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 1);
        assert!(text().starts_with(r#"{"schema":1,"findings":[{"code":"port-taken""#), "{}", text());
        assert_eq!(text().lines().count(), 1);
    }
}
