//! What a daemon sees to when it begins, beside everybody: orders that were cut off get a result, and after a reboot what was wished up
//! is started again, a few at a time.
//!
//! It must never start anything twice, nor what somebody had ended; one that fails holds no other up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Local;
use super::waiting::Waiting;
use super::warding::Ward;
use crate::control::{BootMark, Due, Marked, Unasked, Waits};
use crate::domain::{Caller, InstanceId, Order, Role, Shown, Target, Verb};
use crate::error::{Context, Result};
use crate::supervisor::process::boot_id;

/// How many are started at a time: a host that has just come up has much to do.
const AT_ONCE: usize = 4;

/// How often is written down that a daemon lives.
const BEATS: Duration = Duration::from_secs(60);

/// How often is looked whether what was adopted has ended: where the picture is the same nothing is done.
const LOOKS: Duration = Duration::from_millis(500);

/// Why, in the trail.
const REASON: &str = "after a reboot";

impl Local {
    /// Begins to, on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn begin_to_see_to_it(&self) -> Result<()> {
        if self.caller.read_only {
            return Ok(());
        }
        // What berth does by itself is put down as that.
        let caller = Caller { uid: self.caller.uid, name: Shown::from("berth"), login: None, role: Role::Admin, read_only: false };
        let own = Self { caller, parts: Arc::clone(&self.parts) };
        let thread = std::thread::Builder::new().name("berth-restore".to_owned()).stack_size(1024 * 1024);
        let run = move || {
            crate::failpoint::pass("berth-restore");
            own.see_to_it();
        };
        thread.spawn(run).while_doing(|| "cannot see to what was cut off".to_owned()).map(drop)
    }

    fn see_to_it(&self) {
        self.control.settle(&self.caller);
        let (mark, boot) = (BootMark::below(&self.state), boot_id());
        let before = mark.read();
        let waits = match before {
            // Some may wait still of whom the daemon before knew nothing.
            Some(before) if before.boot == boot => before.waits,
            before => {
                // Where no daemon was before, nobody was promised that anything is started again.
                let waits = before.filter(|_| self.config.daemon.restore).map(|before| self.restore_all(before)).unwrap_or_default();
                // Killed before this, the next one goes on; what was tried and failed is not tried again in this boot.
                drop(mark.write(&boot, &waits));
                waits
            }
        };
        let (mut ward, mut waiting, mut beat) = (Ward::default(), Waiting::new(waits), None);
        loop {
            if beat.is_none_or(|at: Instant| at.elapsed() >= BEATS) {
                mark.touch();
                beat = Some(Instant::now());
            }
            if let Some(left) = waiting.look(self) {
                drop(mark.write(&boot, left));
            }
            ward.look(self);
            std::thread::sleep(LOOKS);
        }
    }

    /// After a boot in which some still waited, those as well: they ended in the boot before that one.
    fn restore_all(&self, before: Marked) -> Waits {
        let mut waits = self.restore(before.seen);
        let older = before.waits.seen;
        for id in before.waits.ids {
            match self.control.is_restorable(&self.caller, &id, older) {
                Due::Yes => self.start_again(id, older),
                Due::No => {}
                Due::Unknown => {
                    waits.seen = older;
                    if !waits.ids.contains(&id) {
                        waits.ids.push(id);
                    }
                }
            }
        }
        waits
    }

    /// Starts what was wished up; of whom that is not known yet.
    fn restore(&self, seen: Option<jiff::Timestamp>) -> Waits {
        let (wished, unknown) = self.control.restorable(seen);
        let (all, unknown) = (Mutex::new(VecDeque::from(wished)), Mutex::new(unknown));
        let next = || all.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    crate::failpoint::pass("berth-restore");
                    while let Some(id) = next() {
                        match self.control.is_restorable(&self.caller, &id, seen) {
                            Due::Yes => self.start_again(id, seen),
                            Due::No => {}
                            Due::Unknown => unknown.lock().unwrap_or_else(PoisonError::into_inner).push(id),
                        }
                    }
                });
            }
        });
        Waits { seen, ids: unknown.into_inner().unwrap_or_else(PoisonError::into_inner) }
    }

    fn start_again(&self, id: InstanceId, seen: Option<jiff::Timestamp>) {
        // What came of it stands in the trail.
        drop(self.hands().unasked(Unasked::Reboot(seen)).carry_out(&order_of(id), &mut |_| ()));
        self.wake();
    }
}

/// What is ordered of one that is restored.
pub(super) fn order_of(id: InstanceId) -> Order {
    Order { verb: Verb::Start, id, target: Target::Whatever, reason: Some(REASON.to_owned()), timeout: None }
}
