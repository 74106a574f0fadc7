//! `berth why`: why an instance does not work, on one page.
//!
//! It must never exit with 0 when something keeps the instance from working: scripts ask by the exit code.

use jiff::tz::TimeZone;

use super::args::{Global, Show};
use super::door::Desk;
use super::errors::Stop;
use super::output::Out;
use super::show::{nearest, no_such};
use crate::domain::Diagnosis;
use crate::present::doctor::{self, Checks};
use crate::present::mend::Giver;
use crate::present::why::{Sources, why};

/// Runs the command.
pub fn run(words: &Show, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let (snapshot, diagnosis) = desk.why(&words.id).map_err(|error| nearest(error, &words.id, desk))?;
    let row = snapshot.row(&words.id).ok_or_else(|| no_such(&words.id, &snapshot))?;
    if global.json {
        let document = doctor::json(&diagnosis, row, out.program());
        out.json(&document)?;
    } else {
        let giver = Giver { uid: desk.door().caller().uid, program: out.program() };
        let checks = Checks::Made(&diagnosis);
        // The checks quote what the log says of each.
        let page = why(&Sources { row, snapshot: &snapshot, order: None, checks, log: None, giver, zone: &TimeZone::system() });
        let text = doctor::text(&page, out.style());
        out.text(&text)?;
    }
    Ok(code(&diagnosis))
}

/// 1 when something keeps it from working.
fn code(diagnosis: &Diagnosis) -> u8 {
    u8::from(diagnosis.cause().is_some() && !diagnosis.is_well)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    fn ran(options: &str) -> (u8, String) {
        let (mut out, text) = written();
        let code = run(&Show { id: fleet::id("carol") }, &global(options), &FakeDesk::new(fleet::fleet()), &mut out).unwrap();
        (code, text())
    }

    #[test]
    fn the_page_begins_with_the_cause_and_ends_with_what_to_do() {
        let (code, text) = ran("");
        assert_eq!(code, 1);
        let expected =
            "carol's instance has crashed: it ended, and nobody had asked it to\n  the cause: 8107 is held by pid 4711 (python3, bob)\n";
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("\nwhat was looked at: 2 of 5 checks as they should be\n  ✔ configuration: "), "{text}");
        assert!(text.contains("\n  ✖ port: 8107") && text.contains("\nwhat to do\n"), "{text}");
    }

    #[test]
    fn the_document_is_one_line() {
        let (code, text) = ran("--json");
        assert!(code == 1 && text.lines().count() == 1 && text.starts_with(r#"{"schema":1,"id":"carol""#), "{text}");
    }

    #[test]
    fn what_is_amiss_beside_a_server_that_works_is_no_failure() {
        let diagnosis = Diagnosis { is_well: true, ..fleet::diagnosis(&fleet::id("alice")) };
        assert_eq!(code(&diagnosis), 0);
        assert_eq!(code(&Diagnosis { is_well: false, checks: vec![], ..diagnosis }), 0);
    }
}
