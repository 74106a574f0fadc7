//! The names of accounts.
//!
//! It must never hold up a tick: a directory service that does not answer costs one short wait, and the name comes later.

use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use nix::unistd::User;

use crate::domain::{Accounts, Shown, Uid};

/// How long all lookups of one tick may hold it up together. /etc/passwd answers within microseconds.
const PATIENCE: Duration = Duration::from_millis(50);

/// Names that were looked up once and are kept.
pub(super) struct Names {
    known: Accounts,
    asked: HashSet<Uid>,
    unanswered: usize,
    /// Whether the last wait was for nothing: then nobody waits again until an answer came.
    is_hanging: bool,
    questions: Option<Sender<Uid>>,
    answers: Option<Receiver<(Uid, Option<Shown>)>>,
    lookup: fn(Uid) -> Option<Shown>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self::with(|uid| User::from_uid(nix::unistd::Uid::from_raw(uid.0)).ok().flatten().map(|user| Shown::new(&user.name)))
    }

    fn with(lookup: fn(Uid) -> Option<Shown>) -> Self {
        Self { known: Accounts::new(), asked: HashSet::new(), unanswered: 0, is_hanging: false, questions: None, answers: None, lookup }
    }

    /// Asks for the name of an account, unless it was asked for before.
    pub(super) fn ask(&mut self, uid: Uid) {
        if !self.asked.insert(uid) {
            return;
        }
        if self.questions.is_none() {
            self.start();
        }
        if self.questions.as_ref().is_some_and(|questions| questions.send(uid).is_ok()) {
            self.unanswered += 1;
        }
    }

    /// What is known by now. An account without a name is not in it.
    pub(super) fn known(&mut self) -> &Accounts {
        let deadline = Instant::now() + if self.is_hanging { Duration::ZERO } else { PATIENCE };
        let Some(answers) = &self.answers else {
            return &self.known;
        };
        while self.unanswered > 0 {
            match answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((uid, name)) => {
                    self.unanswered -= 1;
                    self.is_hanging = false;
                    if let Some(name) = name {
                        self.known.insert(uid, name);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.is_hanging = true;
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => self.unanswered = 0,
            }
        }
        &self.known
    }

    /// getpwuid_r(3) may ask a directory service over the network, and takes no deadline: so it has a thread of its own. It
    /// ends when the questions do, or stays where it hangs, holding nothing.
    fn start(&mut self) {
        let (questions, to_answer) = channel::<Uid>();
        let (answer, answers) = channel();
        let lookup = self.lookup;
        let thread = std::thread::Builder::new().name("accounts".into()).stack_size(256 * 1024).spawn(move || {
            crate::failpoint::pass("accounts");
            while let Ok(uid) = to_answer.recv() {
                if answer.send((uid, lookup(uid))).is_err() {
                    return;
                }
            }
        });
        if thread.is_ok() {
            (self.questions, self.answers) = (Some(questions), Some(answers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::patience::until_so;

    #[test]
    fn root_is_called_root_and_nobody_else_is_invented() {
        let mut names = Names::new();
        names.ask(Uid::ROOT);
        names.ask(Uid(4_123_456_789));
        assert!(until_so(|| names.known().len() == 1 && names.unanswered == 0));
        let known = names.known();
        assert_eq!(known.get(&Uid::ROOT).map(Shown::as_str), Some("root"));
        assert!(!known.contains_key(&Uid(4_123_456_789)));
    }

    #[test]
    fn each_account_is_looked_up_once() {
        static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
        let mut names = Names::with(|_| {
            LOOKUPS.fetch_add(1, Ordering::SeqCst);
            Some(Shown::new("x"))
        });
        for _ in 0..5 {
            names.ask(Uid(1));
            assert!(until_so(|| names.known().len() == 1));
        }
        assert_eq!(LOOKUPS.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_service_that_hangs_holds_nothing_up() {
        static HANGS: Mutex<()> = Mutex::new(());
        let mut names = Names::with(|_| {
            drop(HANGS.lock());
            Some(Shown::new("late"))
        });
        let hangs = HANGS.lock();
        names.ask(Uid(2));
        assert!(names.known().is_empty() && names.is_hanging);
        // Nobody waits again: as many as it takes, while the service still hangs.
        (0..1000).for_each(|_| assert!(names.known().is_empty()));
        drop(hangs);
        assert!(until_so(|| names.known().len() == 1));
    }
}
