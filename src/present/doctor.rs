//! The page of checks in words: what was looked at, with a tick or a cross, what it says, and the next step.
//!
//! It must never tell more of a check than it holds, nor by a sign alone what no word says.

use serde_json::{Value, json};

use super::command::Program;
use super::json::SCHEMA;
use super::paint::Tone;
use super::why::{Kind, Said};
use super::{quote, wording};
use crate::domain::{Check, Diagnosis, InstanceId, Row, Shown, Step, Verdict};

/// What is known of the checks while a page is shown.
#[derive(Clone, Copy, Debug)]
pub enum Checks<'a> {
    /// Nobody asked for them.
    Unasked,
    /// They are being made.
    Underway,
    /// They were made.
    Made(&'a Diagnosis),
    /// They could not be made, and why.
    Failed(&'a Shown),
}

/// The sign of a verdict.
pub fn sign(verdict: Verdict, ascii: bool) -> &'static str {
    let (sign, plain) = match verdict {
        Verdict::Good => ("✔", "+"),
        Verdict::Bad | Verdict::Symptom => ("✖", "x"),
        Verdict::Suspect => ("▲", "!"),
        Verdict::Unknown => ("?", "?"),
    };
    if ascii { plain } else { sign }
}

/// The tone of a verdict.
pub fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Good => Tone::Good,
        Verdict::Bad | Verdict::Symptom => Tone::Bad,
        Verdict::Suspect => Tone::Warn,
        Verdict::Unknown => Tone::Dim,
    }
}

/// The cause in a sentence, and what the checks are at until there is one.
pub fn cause(checks: Checks<'_>) -> Option<Said> {
    let said = |text: String, tone| Some(Said { kind: Kind::Sentence, text, tone });
    match checks {
        Checks::Unasked => None,
        Checks::Underway => said("its files, its port and its log are being looked at".to_owned(), Tone::Busy),
        Checks::Failed(why) => said(format!("what keeps it from working was not looked at: {why}"), Tone::Warn),
        Checks::Made(diagnosis) => {
            let check = diagnosis.cause()?;
            let lead = match check.verdict {
                _ if diagnosis.is_well => "it works; what is amiss all the same",
                Verdict::Bad => "the cause",
                Verdict::Suspect => "the likeliest cause",
                Verdict::Symptom | Verdict::Good | Verdict::Unknown => "the cause does not show; what shows",
            };
            said(format!("{lead}: {}", check.sentence), tone(check.verdict))
        }
    }
}

/// The checks, each with what its log says of it and what to do.
pub fn lines(diagnosis: &Diagnosis, program: &Program) -> Vec<Said> {
    let mut all = Vec::new();
    for check in &diagnosis.checks {
        let text = format!("{}: {}", check.topic.word(), check.sentence);
        all.push(Said { kind: Kind::Check(check.verdict), text, tone: tone(check.verdict) });
        all.extend(check.quotes.iter().map(|line| Said { kind: Kind::Quote, text: line.as_str().to_owned(), tone: Tone::Plain }));
        all.extend(check.steps.iter().map(|step| Said { kind: Kind::Quote, text: told(step, program, &diagnosis.id), tone: Tone::Strong }));
    }
    all
}

/// A step in a line.
fn told(step: &Step, program: &Program, id: &InstanceId) -> String {
    match (command(step, program, id), step) {
        (Some(line), Step::Berth(_, does) | Step::Shell(_, does)) => format!("{line}    {does}"),
        (_, Step::Tell(text)) => text.as_str().to_owned(),
        (None, Step::Berth(_, does) | Step::Shell(_, does)) => (*does).to_owned(),
    }
}

/// The line for a shell that a step is; `None` for one in words, and where a name may not be what it seems: what was made harmless is another.
fn command(step: &Step, program: &Program, id: &InstanceId) -> Option<String> {
    let is_real = |words: &[String]| words.iter().all(|word| word.chars().all(|one| one.is_ascii_graphic() || one == ' '));
    match step {
        Step::Tell(_) => None,
        Step::Berth(words, _) => is_real(words).then(|| program.there(Some(id), words)),
        Step::Shell(words, _) => is_real(words).then(|| program.shell(Some(id), &quote::line(words.iter().map(String::as_str)))),
    }
}

/// `berth why ID --json`.
pub fn json(diagnosis: &Diagnosis, row: &Row, program: &Program) -> Value {
    let one = |check: &Check| {
        let texts = |lines: &[Shown]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let step = |step: &Step| match step {
            Step::Tell(text) => json!({ "text": text.as_str(), "command": null }),
            Step::Berth(_, does) | Step::Shell(_, does) => json!({ "text": does, "command": command(step, program, &row.id) }),
        };
        json!({
            "check": check.topic.word(),
            "verdict": check.verdict.word(),
            "sentence": check.sentence.as_str(),
            "log": texts(&check.quotes),
            "next": check.steps.iter().map(step).collect::<Vec<_>>(),
        })
    };
    let health = row.health.state.word();
    json!({
        "schema": SCHEMA,
        "id": diagnosis.id.to_string(),
        "state": row.state.word(),
        "health": health,
        "works": diagnosis.is_well,
        "cause": diagnosis.cause().map(one),
        "checks": diagnosis.checks.iter().map(one).collect::<Vec<_>>(),
    })
}

/// The page as text for a terminal or a file.
pub fn text(page: &[Said], style: super::table::Style) -> String {
    let mut text = String::new();
    for (index, said) in page.iter().enumerate() {
        let line = match said.kind {
            Kind::Heading if index == 0 => said.text.clone(),
            Kind::Heading => format!("\n{}", said.text),
            Kind::Check(verdict) => format!("  {} {}", sign(verdict, style.ascii), said.text),
            Kind::Sentence => format!("  {}", said.text),
            Kind::Quote => format!("      {}", said.text),
        };
        let tone = if said.kind == Kind::Heading && index > 0 { Tone::Strong } else { said.tone };
        text.push_str(&super::paint::paint(&line, tone, style.color));
        text.push('\n');
    }
    text
}

/// How many of the checks came to what: "7 of 9 as they should be".
pub fn summary(diagnosis: &Diagnosis) -> String {
    let good = diagnosis.checks.iter().filter(|check| check.verdict == Verdict::Good).count();
    format!("{} of {} as they should be", good, wording::count(diagnosis.checks.len(), "check"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Topic;
    use crate::present::fleet;
    use crate::present::table::Style;

    #[test]
    fn each_verdict_has_its_sign_and_each_step_its_line() {
        let diagnosis = fleet::diagnosis(&fleet::id("carol"));
        let plain = text(&lines(&diagnosis, &Program::default()), Style { ascii: true, color: false });
        assert_eq!(
            plain,
            "  + configuration: /opt/mcp-server/users/carol/config/config.json is read and valid\n\
             \x20 ! environment: /opt/sdp-mcp/.env.carol leaves SDP_API_KEY at its placeholder\n\
             \x20     mend /opt/sdp-mcp/.env.carol\n\
             \x20 + command: carol may execute /usr/bin/node\n\
             \x20 x port: 8107 is held by pid 4711 (python3, bob)\n\
             \x20     Error: listen EADDRINUSE: address already in use 127.0.0.1:8107\n\
             \x20     berth assign carol --port auto    gives it a free one\n\
             \x20 ? answer: it does not run, so that nobody was asked\n"
        );
        assert_eq!(cause(Checks::Made(&diagnosis)).unwrap().text, "the cause: 8107 is held by pid 4711 (python3, bob)");
        assert_eq!(summary(&diagnosis), "2 of 5 checks as they should be");
    }

    #[test]
    fn the_document_names_the_cause() {
        let snapshot = fleet::fleet();
        let row = snapshot.row(&fleet::id("carol")).unwrap();
        let document = json(&fleet::diagnosis(&row.id), row, &Program::default());
        assert_eq!((&document["cause"]["check"], &document["cause"]["verdict"]), (&"port".into(), &"failed".into()));
        assert_eq!(document["checks"][3]["next"][0]["command"], "berth assign carol --port auto");
        assert_eq!((&document["state"], &document["works"]), (&"crashed".into(), &false.into()));
        let none = Diagnosis { checks: vec![], is_well: true, id: row.id.clone() };
        assert!(json(&none, row, &Program::default())["cause"].is_null() && cause(Checks::Made(&none)).is_none());
    }

    #[test]
    fn a_name_that_is_not_what_it_seems_is_in_no_command() {
        let step = |path: &str| Step::Shell(vec!["df".to_owned(), "-h".to_owned(), path.to_owned()], "shows how full it is");
        let (program, id) = (Program::default(), InstanceId::parse("alice").unwrap());
        assert_eq!(told(&step("/a b"), &program, &id), "df -h '/a b'    shows how full it is");
        assert_eq!(told(&step("/a␛[2J"), &program, &id), "shows how full it is");
        assert_eq!(Topic::Answer.word(), "answer");
    }
}
