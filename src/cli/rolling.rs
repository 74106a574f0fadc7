//! What came of a rolling restart as a whole: how many serve again, how many failed, and who was not begun.
//!
//! It must never call one that was not begun restarted, nor leave out how to go on.

use serde_json::{Value, json};

use super::args::Action;
use crate::domain::{InstanceId, Outcome, Pace, Shown};
use crate::error::Kind;
use crate::present::command::Program;

/// How many names a line has.
const MOST_NAMED: usize = 12;

/// How many of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<'a> {
    done: usize,
    failed: usize,
    left: Vec<&'a InstanceId>,
}

/// That one was not begun.
pub fn not_begun(failures: usize) -> Outcome {
    let sentence = Shown::new(&format!("was not begun: {failures} failed before"));
    Outcome { exit_code: Kind::Failed.exit_code(), sentence, hints: Vec::new(), log_lines: Vec::new() }
}

/// The options with which it is gone on as it was begun.
pub fn options(pace: Pace, action: &Action) -> Vec<String> {
    let mut options = Vec::new();
    let mut put = |name: &str, value: Option<String>| options.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
    put("--parallel", (pace.at_once > 1).then(|| pace.at_once.to_string()));
    put("--max-failures", pace.max_failures.filter(|most| *most > 1).map(|most| most.to_string()));
    put("--timeout", action.timeout.map(|time| format!("{}ms", time.as_millis())));
    put("--reason", action.reason.clone());
    options
}

/// Counts them. `begun` are those that were begun.
pub fn tally<'a>(results: &'a [(InstanceId, Outcome)], begun: impl Fn(&InstanceId) -> bool) -> Tally<'a> {
    let mut tally = Tally { done: 0, failed: 0, left: Vec::new() };
    for (id, outcome) in results {
        match (begun(id), outcome.is_done()) {
            (false, _) => tally.left.push(id),
            (true, true) => tally.done += 1,
            (true, false) => tally.failed += 1,
        }
    }
    tally
}

impl Tally<'_> {
    /// "2 restarted, 1 failed, 1 not begun: dave", and how to go on in the same way.
    pub fn text(&self, program: &Program, options: &[String]) -> String {
        let mut text = format!("{} restarted", self.done);
        if self.failed > 0 {
            text.push_str(&format!(", {} failed", self.failed));
        }
        if self.left.is_empty() {
            return format!("{text}\n");
        }
        let ids: Vec<String> = self.left.iter().map(ToString::to_string).collect();
        let named = ids.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if ids.len() > MOST_NAMED { format!(" and {} more", ids.len() - MOST_NAMED) } else { String::new() };
        let line = program.line(["restart", "--rolling"].into_iter().chain(options.iter().chain(&ids).map(String::as_str)));
        format!("{text}, {} not begun: {named}{more}\n  {line}    goes on with {}\n", ids.len(), if ids.len() == 1 { "it" } else { "them" })
    }

    /// The same for a document.
    pub fn document(&self, pace: Pace) -> Value {
        let left: Vec<String> = self.left.iter().map(ToString::to_string).collect();
        json!({
            "at_once": pace.at_once, "max_failures": pace.max_failures,
            "restarted": self.done, "failed": self.failed, "not_begun": left,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_told() {
        let outcome = |exit_code| Outcome { exit_code, sentence: "told".into(), hints: Vec::new(), log_lines: Vec::new() };
        let id = |text: &str| InstanceId::parse(text).unwrap();
        let results = vec![(id("alice"), outcome(0)), (id("bob"), outcome(5)), (id("carol"), not_begun(1)), (id("dave"), not_begun(1))];
        let told = |count: usize| tally(&results[..count], |id| id.owner() < "c").text(&Program::default(), &[]);
        assert_eq!(told(1), "1 restarted\n");
        assert_eq!(told(2), "1 restarted, 1 failed\n");
        assert_eq!(told(4), "1 restarted, 1 failed, 2 not begun: carol, dave\n  berth restart --rolling carol dave    goes on with them\n");
        let document = tally(&results, |id| id.owner() < "c").document(Pace::rolling(1, 1));
        assert_eq!(document, json!({ "at_once": 1, "max_failures": 1, "restarted": 1, "failed": 1, "not_begun": ["carol", "dave"] }));
    }

    #[test]
    fn a_long_line_is_cut_and_the_command_is_not() {
        let id = |number: usize| InstanceId::parse(&format!("u{number:02}")).unwrap();
        let results: Vec<_> = (0..20).map(|number| (id(number), not_begun(1))).collect();
        let text = tally(&results, |_| false).text(&Program::default(), &[]);
        assert!(text.starts_with("0 restarted, 20 not begun: u00, ") && text.contains(" and 8 more\n") && text.contains(" u19    goes on"));
    }
}
