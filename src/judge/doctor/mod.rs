//! Why an instance does not work: what was looked up about it goes in, a page of checks comes out, each with its verdict and the next step.
//!
//! Pure. It must never guess a cause that nothing shows: what only shows that it does not work is a symptom.

mod answer;
mod files;
mod port;
mod process;
mod program;
mod says;
mod settings;

use crate::domain::{Check, Checkup, Code, Declared, Diagnosis, HealthState, Row, Shown, Snapshot, State, Step, Topic, Verdict};

use says::Said;

/// What the checks judge by.
struct Given<'a> {
    checkup: &'a Checkup,
    row: &'a Row,
    declared: &'a Declared,
    snapshot: &'a Snapshot,
    /// What its log says of a failure, where it has failed.
    said: Option<Said<'a>>,
    /// It runs and answers: what is wrong all the same is not why it does not work.
    is_well: bool,
}

impl Given<'_> {
    /// The verdict on what would keep it from working.
    fn bad(&self) -> Verdict {
        if self.is_well { Verdict::Suspect } else { Verdict::Bad }
    }

    fn id(&self) -> String {
        self.row.id.to_string()
    }
}

/// The page about an instance; a row that is none has no page.
pub fn diagnose(checkup: &Checkup, row: &Row, snapshot: &Snapshot) -> Option<Diagnosis> {
    let declared = row.declared.as_deref()?;
    let told = row.probed.as_ref().and_then(|probed| probed.why.as_ref()).map(Shown::as_str);
    let answers = match row.health.state {
        HealthState::Healthy | HealthState::Slow | HealthState::Guarded => true,
        HealthState::Unknown | HealthState::Starting => !answer::is_failure(told),
        HealthState::Degraded | HealthState::Unhealthy => false,
    };
    // Who listens on nothing, though its time to start is over, is found by nobody.
    let is_silent = snapshot.findings_of(&row.id).any(|finding| finding.code == Code::PortSilent);
    let is_well = matches!(row.state, State::Running | State::Starting | State::Stopping) && answers && !is_silent;
    let said = checkup.log.as_ref().ok().filter(|_| !row.state.is_up()).and_then(|lines| says::of(lines));
    let given = Given { checkup, row, declared, snapshot, said, is_well };
    let mut checks = vec![settings::configuration(&given)];
    checks.extend(settings::environment(&given));
    match &checkup.places {
        Ok(places) => {
            checks.extend(program::command(&given, places));
            checks.extend(files::directory(&given, places));
            checks.extend(files::workspace(&given, places));
            checks.extend(files::log(&given, places));
            checks.extend(files::disk(&given, places));
        }
        Err(why) => checks.push(check(Topic::Directory, Verdict::Unknown, why.as_str())),
    }
    checks.push(port::port(&given));
    checks.push(process::process(&given));
    checks.push(answer::answer(&given));
    // Of a server that runs and answers only its port can be wrong for certain: then its clients do not find it.
    let is_well = is_well && !checks.iter().any(|check| check.verdict == Verdict::Bad);
    Some(Diagnosis { id: row.id.clone(), checks, is_well })
}

/// A check without a next step.
fn check(topic: Topic, verdict: Verdict, sentence: &str) -> Check {
    Check { topic, verdict, sentence: Shown::new(sentence), quotes: Vec::new(), steps: Vec::new() }
}

/// A check with next steps.
fn with(topic: Topic, verdict: Verdict, sentence: &str, steps: Vec<Step>) -> Check {
    Check { steps, ..check(topic, verdict, sentence) }
}

fn berth(words: &[&str], does: &'static str) -> Step {
    Step::Berth(words.iter().map(|word| (*word).to_owned()).collect(), does)
}

fn shell(words: &[&str], does: &'static str) -> Step {
    Step::Shell(words.iter().map(|word| (*word).to_owned()).collect(), does)
}

fn tell(text: &str) -> Step {
    Step::Tell(Shown::new(text))
}

#[cfg(test)]
mod tests;
