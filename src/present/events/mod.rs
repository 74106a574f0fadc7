//! What happened, in words: instances that came, went or became something else, findings that came and went, and what was done by whom.
//!
//! It must never tell of a thing that both pictures show alike.

mod compare;
pub mod fresh;
pub mod record;

use std::time::Duration;

use jiff::Timestamp;

use super::paint::Tone;
use super::{units, wording};
use crate::domain::{Code, HealthState, InstanceId, Level, Shown, State};

pub use compare::{beginning, compare};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// Whom it is about; `None` when it is about the host, or about many.
    pub about: Option<InstanceId>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// An instance is doing something else now.
    Became {
        /// What it did.
        from: State,
        /// What it does.
        to: State,
        /// More about that, in words; empty where there is none.
        detail: String,
    },
    /// It runs as another process, and does what it did before.
    Restarted {
        /// In words: "restart 3", "pid 7".
        detail: String,
    },
    /// It does what it did, and answers otherwise.
    Answers {
        /// How it answered.
        from: HealthState,
        /// How it answers.
        to: HealthState,
        /// Why, in words; empty where there is nothing to say.
        detail: String,
    },
    /// It was not there before.
    Appeared {
        /// What it does.
        state: State,
        /// Its port.
        port: Option<u16>,
    },
    /// It is not there any more.
    Disappeared,
    /// Something is wrong that was not.
    Found {
        /// What.
        code: Code,
        /// The evidence.
        evidence: Shown,
    },
    /// Something is not wrong any more.
    Over {
        /// What.
        code: Code,
        /// At which port it was; `None` where it was about none.
        port: Option<u16>,
        /// How long it was.
        lasted: Duration,
    },
    /// The same is wrong, or not wrong any more, at many at once.
    Many {
        /// What.
        code: Code,
        /// At how many.
        count: usize,
        /// Not any more.
        over: bool,
    },
    /// Somebody had something done.
    Done {
        /// What: "stop".
        verb: Shown,
        /// Who.
        by: Shown,
        /// Why.
        reason: Option<Shown>,
        /// Whether it was done, and what came of it; `None` while it is on its way.
        result: Option<(bool, Shown)>,
    },
    /// What was written down when it happened.
    Recorded {
        /// How bad it is.
        level: Level,
        /// Not any more.
        over: bool,
        /// In words.
        sentence: Shown,
    },
    /// A sentence of berth's own.
    Said(Shown),
}

impl What {
    /// In one sentence without a full stop.
    pub fn text(&self) -> String {
        match self {
            Self::Became { from, to, detail } => told(&format!("{} -> {}", from.word(), to.word()), detail),
            Self::Restarted { detail } => told("restarted", detail),
            Self::Answers { from, to, detail } => told(&format!("health {} -> {}", from.word(), to.word()), detail),
            Self::Appeared { state, port } => {
                let port = port.map_or_else(String::new, |port| format!(", port {port}"));
                format!("new: {}{port}", state.word())
            }
            Self::Disappeared => "gone: its configuration is not there any more".to_owned(),
            Self::Found { code, evidence } => told(code.word(), evidence.as_str()),
            Self::Over { code, port, lasted } => {
                let port = port.map_or_else(String::new, |port| format!(" of {port}"));
                format!("{}{port} is over, after {}", code.word(), units::uptime(*lasted))
            }
            Self::Many { code, count, over: false } => format!("{}: {count} at once", code.word()),
            Self::Many { code, count, over: true } => format!("{}: {count} over at once", code.word()),
            Self::Done { verb, by, reason, result } => {
                let reason = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
                let result = match result {
                    None => "on its way",
                    // What came of another's order may be told without its words.
                    Some((done, words)) if words.as_str().is_empty() => {
                        if *done {
                            "done"
                        } else {
                            "not done"
                        }
                    }
                    Some((_, sentence)) => sentence.as_str(),
                };
                format!("{verb} by {by}{reason}: {result}")
            }
            Self::Recorded { sentence, .. } | Self::Said(sentence) => sentence.to_string(),
        }
    }

    /// The sign that stands before it.
    pub fn sign(&self, ascii: bool) -> &'static str {
        let pick = |sign, plain| if ascii { plain } else { sign };
        match self {
            Self::Became { to: state, .. } | Self::Appeared { state, .. } => wording::state_sign(*state, ascii),
            Self::Restarted { .. } => wording::state_sign(State::Starting, ascii),
            Self::Answers { to, .. } => match to {
                HealthState::Healthy | HealthState::Guarded => wording::state_sign(State::Running, ascii),
                _ => wording::state_sign(State::Degraded, ascii),
            },
            Self::Found { code, .. } | Self::Many { code, over: false, .. } => wording::level_sign(code.level(), ascii),
            Self::Disappeared | Self::Over { .. } | Self::Many { .. } => pick("○", "o"),
            Self::Recorded { level, over, .. } => record::sign(*level, *over, ascii),
            Self::Done { result: Some((false, _)), .. } => wording::level_sign(Level::Error, ascii),
            Self::Done { .. } => pick("»", "@"),
            Self::Said(_) => wording::level_sign(Level::Note, ascii),
        }
    }

    /// How it is coloured.
    pub fn tone(&self) -> Tone {
        match self {
            Self::Became { to: state, .. } | Self::Appeared { state, .. } => Tone::of_state(*state),
            Self::Restarted { .. } => Tone::Warn,
            Self::Answers { to, .. } => Tone::of_health(*to),
            Self::Found { code, .. } | Self::Many { code, over: false, .. } => Tone::of_level(code.level()),
            Self::Over { .. } | Self::Many { .. } | Self::Recorded { over: true, .. } => Tone::Good,
            Self::Recorded { level, .. } => Tone::of_level(*level),
            Self::Done { result: Some((false, _)), .. } => Tone::Bad,
            Self::Done { .. } => Tone::Strong,
            Self::Disappeared | Self::Said(_) => Tone::Dim,
        }
    }

    /// Whether somebody should look at it.
    pub fn is_problem(&self) -> bool {
        match self {
            Self::Became { to: state, .. } | Self::Appeared { state, .. } => {
                matches!(state, State::Crashed | State::CrashLoop | State::Degraded | State::Unknown)
            }
            Self::Found { code, .. } | Self::Many { code, over: false, .. } => code.level() != Level::Note,
            Self::Done { result, .. } => matches!(result, Some((false, _))),
            Self::Recorded { level, .. } => *level != Level::Note,
            Self::Restarted { .. } => true,
            Self::Answers { to, .. } => !matches!(to, HealthState::Healthy | HealthState::Guarded),
            Self::Disappeared | Self::Over { .. } | Self::Many { .. } | Self::Said(_) => false,
        }
    }
}

/// `what: detail`, or what there is of it.
fn told(what: &str, detail: &str) -> String {
    if detail.is_empty() { what.to_owned() } else { format!("{what}: {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_in_a_sentence_with_a_sign() {
        let became = |from, to, detail: &str| What::Became { from, to, detail: detail.to_owned() };
        let answers = |from, to, detail: &str| What::Answers { from, to, detail: detail.to_owned() };
        let done = |reason: Option<&str>, result: Option<(bool, &str)>| What::Done {
            verb: "stop".into(),
            by: "amy as root".into(),
            reason: reason.map(Shown::from),
            result: result.map(|(done, sentence)| (done, Shown::from(sentence))),
        };
        let cases = [
            (became(State::Running, State::Crashed, "exited with code 1"), "✖", "running -> crashed: exited with code 1", true),
            (became(State::Stopping, State::Stopped, ""), "○", "stopping -> stopped", false),
            (What::Restarted { detail: "restart 3".to_owned() }, "◌", "restarted: restart 3", true),
            (answers(HealthState::Healthy, HealthState::Slow, "late"), "▲", "health healthy -> slow: late", true),
            (answers(HealthState::Slow, HealthState::Healthy, ""), "●", "health slow -> healthy", false),
            (What::Appeared { state: State::Running, port: Some(8101) }, "●", "new: running, port 8101", false),
            (What::Disappeared, "○", "gone: its configuration is not there any more", false),
            (What::Found { code: Code::PortDrift, evidence: "it is".into() }, "▲", "port-drift: it is", true),
            (
                What::Over { code: Code::PortTaken, port: Some(8107), lasted: Duration::from_secs(720) },
                "○",
                "port-taken of 8107 is over, after 12 min",
                false,
            ),
            (What::Over { code: Code::KeyMissing, port: None, lasted: Duration::ZERO }, "○", "key-missing is over, after 0 s", false),
            (What::Many { code: Code::KeyMissing, count: 40, over: false }, "▲", "key-missing: 40 at once", true),
            (What::Many { code: Code::KeyMissing, count: 40, over: true }, "○", "key-missing: 40 over at once", false),
            (done(None, None), "»", "stop by amy as root: on its way", false),
            (done(Some("tired"), Some((true, "stopped"))), "»", "stop by amy as root (tired): stopped", false),
            (done(None, Some((false, "still there"))), "✖", "stop by amy as root: still there", true),
            (done(None, Some((false, ""))), "✖", "stop by amy as root: not done", true),
        ];
        for (what, sign, text, problem) in cases {
            assert_eq!((what.sign(false), what.text().as_str(), what.is_problem()), (sign, text, problem));
            assert!(what.sign(true).is_ascii());
        }
    }
}
