//! `berth ports --plan STRATEGY`: what a way of choosing ports would give to everybody, before anybody is moved.
//!
//! It must never change anything: it is for looking.

use super::args::Global;
use super::door::Desk;
use super::errors::Stop;
use super::output::{Out, aside};
use crate::config::Strategy;
use crate::present::plan;

/// Runs the command.
pub fn run(strategy: Strategy, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let proposal = desk.propose(strategy)?;
    if let Some(notice) = &proposal.notice {
        aside(&format!("  {notice}"));
    }
    if global.json {
        out.json(&plan::json(&proposal))?;
    } else {
        let color = out.style().color;
        out.text(&plan::table(&proposal, color))?;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    #[test]
    fn a_table_or_a_document() {
        let ran = |options: &str| {
            let (mut out, text) = written();
            assert_eq!(run(Strategy::Static, &global(options), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
            text()
        };
        assert!(ran("").starts_with("static: "), "{}", ran(""));
        let document: serde_json::Value = serde_json::from_str(&ran("--json")).unwrap();
        assert_eq!((document["schema"].as_u64(), document["strategy"].as_str()), (Some(1), Some("static")));
    }
}
