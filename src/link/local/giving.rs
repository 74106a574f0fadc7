//! Ports given through this door: from the registry in the state directory, by what the configuration and the kernel allow.
//!
//! It must never give itself: `control` does, and records it.

use std::sync::Arc;

use super::Local;
use super::proposal::{limits, with_numbers};
use crate::config::Config;
use crate::control::{Assign, Control, Giving, Unasked};
use crate::domain::{Asked, Caller, InstanceId, Order, Outcome, Shown, Target, Verb};
use crate::error::Kind;
use crate::registry::{By, Registry};

/// What is needed to carry out whatever is asked at this door, for a thread of its own.
pub(super) struct Hands {
    control: Arc<Control>,
    caller: Caller,
    registry: Registry,
    config: Arc<Config>,
    unasked: Option<Unasked>,
}

impl Hands {
    /// The same for a start that nobody asks for.
    pub fn unasked(self, unasked: Unasked) -> Self {
        Self { unasked: Some(unasked), ..self }
    }

    /// Carries an order out and says what came of it. `progress` is told each step in words.
    pub fn carry_out(&self, order: &Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        match order.verb {
            Verb::Assign(asked) => self.assign(order, asked, progress),
            // Where ports cannot be given it stays where it is, and is told that its port is taken.
            _ if self.registry.require_own().is_err() => self.act(order, progress),
            verb if self.control.is_to_move(&self.caller, order) => self.move_and_start(order, verb, progress),
            verb => {
                let outcome = self.act(order, progress);
                // Somebody may have taken its port since it was looked at, between its stop and its start most likely.
                let was_tried = [Kind::Busy, Kind::Failed].map(Kind::exit_code).contains(&outcome.exit_code);
                let order = Order { target: Target::Whatever, ..order.clone() };
                if was_tried && self.control.is_to_move(&self.caller, &order) {
                    self.move_and_start(&order, verb, progress)
                } else {
                    outcome
                }
            }
        }
    }

    fn act(&self, order: &Order, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        match self.unasked {
            None => self.control.carry_out(&self.caller, order, progress),
            Some(unasked) => self.control.carry_out_unasked(&self.caller, order, unasked, progress),
        }
    }

    /// Gives it another port, since its own is somebody else's, and starts it there.
    fn move_and_start(&self, order: &Order, verb: Verb, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        let ask = Assign { starting: Some(verb), unasked: self.unasked, ..self.asked(order, Asked::Auto) };
        self.control.assign(&self.caller, &ask, &self.giving(), progress)
    }

    /// What an order would do, in words, and the order that does exactly this; nothing is done.
    pub fn foresee(&self, order: &Order) -> (Order, Outcome) {
        let Verb::Assign(asked) = order.verb else {
            let sentence = Shown::new(&format!("what {} would do is not known before", order.verb));
            return (order.clone(), Outcome { exit_code: 1, sentence, hints: Vec::new(), log_lines: Vec::new() });
        };
        let (port, outcome) = self.control.would_assign(&self.caller, &self.asked(order, asked), &self.giving());
        // Chosen now: it is this one that the person says yes to, not whichever is free by then.
        let verb = port.map_or(order.verb, |port| Verb::Assign(Asked::Port(port)));
        (Order { verb, ..order.clone() }, outcome)
    }

    fn assign(&self, order: &Order, asked: Asked, progress: &mut dyn FnMut(&Shown)) -> Outcome {
        self.control.assign(&self.caller, &self.asked(order, asked), &self.giving(), progress)
    }

    fn giving(&self) -> Giving<'_> {
        let ports = &self.config.ports;
        Giving { registry: &self.registry, limits: limits(ports), quarantine: ports.quarantine }
    }

    fn asked(&self, order: &Order, asked: Asked) -> Assign {
        let ports = &self.config.ports;
        let by = match asked {
            Asked::Port(port) => By::Name(port),
            Asked::Auto => By::Strategy(with_numbers(ports.strategy, ports)),
        };
        let Order { id, target, reason, timeout, .. } = order.clone();
        Assign { id, by, target, dry_run: false, reason, starting: None, unasked: None, timeout }
    }
}

impl Local {
    pub(super) fn hands(&self) -> Hands {
        self.hands_of(self.caller.clone())
    }

    /// The same for somebody else, who was found out by the kernel's word.
    pub(super) fn hands_of(&self, caller: Caller) -> Hands {
        let control = Arc::clone(&self.control);
        Hands { control, caller, registry: self.registry.clone(), config: Arc::clone(&self.config), unasked: None }
    }

    /// Gives an instance a port; `dry_run` only says what would be done. `progress` is told each step in words.
    pub fn assign(
        &self,
        id: &InstanceId,
        asked: Asked,
        dry_run: bool,
        reason: Option<String>,
        progress: &mut dyn FnMut(&Shown),
    ) -> Outcome {
        let order = Order { verb: Verb::Assign(asked), id: id.clone(), target: Target::Whatever, reason, timeout: None };
        let hands = self.hands();
        let outcome = if dry_run { hands.foresee(&order).1 } else { hands.assign(&order, asked, progress) };
        self.wake();
        outcome
    }

    /// From what ports are given.
    pub(super) fn giving(&self) -> Giving<'_> {
        let ports = &self.config.ports;
        Giving { registry: &self.registry, limits: limits(ports), quarantine: ports.quarantine }
    }
}
