//! The state of an instance that a supervisor outside of berth runs: what it wishes and counts is its own to say, what runs the kernel's.
//!
//! It must never make a supervisor's old word out to be a new one: while it does not answer nothing is known.

use super::state::{Circumstances, Verdict, up};
use crate::domain::{Activity, Again, ExitStatus, LastExit, Service, Shown, State, words};

/// The state that follows.
pub(super) fn state(given: &Circumstances<'_>, service: &Service) -> Verdict {
    if let Some((since, why)) = &service.unanswered {
        let since = words::clock(*since, given.wall, given.zone);
        return because(State::Unknown, None, &format!("{why}, since {since}"));
    }
    let exit = given.claim.and_then(|claim| claim.exit);
    match service.activity {
        Activity::Active if given.runs => match service.result.as_ref().map(Shown::as_str) {
            Some("paused") => because(State::Degraded, None, "its supervisor holds it: it is paused"),
            Some("unhealthy") => because(State::Degraded, None, "its supervisor's own check finds it unhealthy"),
            _ => up(given),
        },
        Activity::Active if given.hidden.is_some() => Verdict::plain(State::Running),
        // Its process has ended, and its supervisor has not said yet what it makes of that.
        Activity::Active => Verdict { state: State::Crashed, why: None, exit },
        Activity::Starting => Verdict::plain(State::Starting),
        Activity::Stopping => because(State::Stopping, None, "its supervisor ends it"),
        Activity::Waiting => {
            let again = match given.claim.and_then(|claim| claim.again) {
                Some(Again::At { at, tries }) => {
                    format!("it is started again at {}, try {tries}", words::clock(at, given.wall, given.zone))
                }
                _ => "it is started again".to_owned(),
            };
            because(State::Crashed, exit, &again)
        }
        Activity::Failed => failed(service, exit),
        // What runs of it was not started by its supervisor.
        Activity::Inactive if given.runs => up(given),
        Activity::Inactive => Verdict { state: State::Stopped, why: None, exit: exit.filter(|exit| exit.status != ExitStatus::Code(0)) },
    }
}

fn failed(service: &Service, exit: Option<LastExit>) -> Verdict {
    let why = match service.result.as_ref().map(Shown::as_str) {
        Some("start-limit-hit") => return because(State::CrashLoop, exit, "it ended too often and is not started again"),
        Some("oom-kill") => "it was killed for using more memory than it may".to_owned(),
        Some("timeout") => "it did not start or end in the time that its supervisor gives it".to_owned(),
        Some("watchdog") => "it gave no sign of life in the time that its supervisor gives it".to_owned(),
        Some("daemon-gone") => "the daemon that ran it has ended, and nobody starts it again".to_owned(),
        // How it ended says as much.
        Some("exit-code" | "signal" | "core-dump") | None => return Verdict { state: State::Crashed, why: None, exit },
        Some(other) => format!("its supervisor says: {other}"),
    };
    because(State::Crashed, exit, &why)
}

fn because(state: State, exit: Option<LastExit>, why: &str) -> Verdict {
    Verdict { state, why: Some(Shown::new(why)), exit }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::domain::{Claim, InstanceId, Limits};

    fn service(activity: Activity) -> Service {
        Service {
            name: "mcp@alice.service".into(),
            activity,
            told: "active (running)".into(),
            result: None,
            since: None,
            group: None,
            project: None,
            limits: Limits::default(),
            unanswered: None,
        }
    }

    fn verdict(service: Service, runs: bool, hidden: Option<&str>, again: Option<Again>) -> (State, String, bool) {
        let exit = LastExit { status: ExitStatus::Signal(9), at: Timestamp::UNIX_EPOCH, over_memory: None };
        let claim = Claim {
            exit: Some(exit),
            again,
            service: Some(Arc::new(service)),
            ..Claim::nothing(InstanceId::of_owner("alice").unwrap(), false)
        };
        let told = super::super::state::state(&Circumstances {
            underway: None,
            claim: Some(&claim),
            wished_up: claim.wished_up,
            previous: None,
            kept: false,
            runs,
            listens: Some(runs),
            started: None,
            start_timeout: Duration::from_secs(60),
            taken: false,
            failing: None,
            hidden,
            boot: Duration::from_secs(100),
            looked: Timestamp::UNIX_EPOCH,
            wall: Timestamp::UNIX_EPOCH,
            zone: &TimeZone::UTC,
        });
        (told.state, told.why.map(|why| why.to_string()).unwrap_or_default(), told.exit.is_some())
    }

    #[test]
    fn what_it_does_is_its_supervisors_word_and_whether_it_runs_the_kernels() {
        let of = |activity, runs| verdict(service(activity), runs, None, None);
        let plain = |state, exit| (state, String::new(), exit);
        assert_eq!(of(Activity::Active, true), plain(State::Running, false));
        assert_eq!(of(Activity::Active, false), plain(State::Crashed, true));
        assert_eq!(of(Activity::Starting, true), plain(State::Starting, false));
        assert_eq!(of(Activity::Stopping, true), (State::Stopping, "its supervisor ends it".into(), false));
        assert_eq!(of(Activity::Failed, false), plain(State::Crashed, true));
        assert_eq!(of(Activity::Inactive, false), plain(State::Stopped, true));
        assert_eq!(of(Activity::Inactive, true), plain(State::Running, false));
        assert_eq!(verdict(service(Activity::Active), false, Some("hidepid"), None), plain(State::Running, false));
    }

    #[test]
    fn why_it_does_not_run_is_told() {
        let at = Timestamp::UNIX_EPOCH + Duration::from_secs(5);
        let waiting = verdict(service(Activity::Waiting), false, None, Some(Again::At { at, tries: 3 }));
        assert_eq!(waiting, (State::Crashed, "it is started again at 00:00:05, try 3".into(), true));
        let failed = |result: &str| verdict(Service { result: Some(result.into()), ..service(Activity::Failed) }, false, None, None);
        assert_eq!(failed("start-limit-hit").0, State::CrashLoop);
        assert_eq!(failed("oom-kill").1, "it was killed for using more memory than it may");
        assert_eq!(failed("resources").1, "its supervisor says: resources");
    }

    #[test]
    fn what_its_supervisor_finds_unwell_is_degraded() {
        for (result, why) in
            [("paused", "its supervisor holds it: it is paused"), ("unhealthy", "its supervisor's own check finds it unhealthy")]
        {
            let seen = verdict(Service { result: Some(result.into()), ..service(Activity::Active) }, true, None, None);
            assert_eq!(seen, (State::Degraded, why.to_owned(), false));
        }
    }

    #[test]
    fn while_its_supervisor_does_not_answer_nothing_is_known() {
        let unanswered = Some((Timestamp::UNIX_EPOCH, Shown::new("systemd cannot be asked (it does not answer)")));
        for runs in [true, false] {
            let (state, why, _) = verdict(Service { unanswered: unanswered.clone(), ..service(Activity::Active) }, runs, None, None);
            assert_eq!((state, why.as_str()), (State::Unknown, "systemd cannot be asked (it does not answer), since 00:00:00"));
        }
    }
}
