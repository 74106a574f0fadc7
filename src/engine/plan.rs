//! The configuration's `[ports]` as the plan that is judged by.
//!
//! It must never judge: which of what is asked for is wrong is a rule's to say.

use std::borrow::Cow;
use std::path::Path;

use crate::config::{Config, Strategy, Values, fill};
use crate::domain::{Declared, Formula, InstanceId, PortPlan, Roster};

/// What the configuration plans. What the kernel does is not known yet.
pub(super) fn of(config: &Config) -> PortPlan {
    let ports = &config.ports;
    let formula = match ports.strategy {
        Strategy::Registry | Strategy::Static => Formula::None,
        Strategy::Uid => Formula::Uid { modulus: ports.modulus },
        Strategy::NameHash => Formula::NameHash { modulus: ports.modulus },
        Strategy::Block => Formula::Block { size: ports.block },
    };
    PortPlan { formula, reserved: ports.reserved.clone(), ..PortPlan::default() }
}

/// The instances that ask for a port outside the range from where berth puts its own configurations.
pub(super) fn asks_outside(config: &Config, roster: &Roster) -> Vec<InstanceId> {
    let asks = |declared: &&std::sync::Arc<Declared>| {
        declared.port.is_some_and(|port| !config.ports.range.contains(port))
            && own_place(config, declared).as_deref() == Some(&declared.config)
    };
    roster.instances.iter().filter(asks).map(|declared| declared.id.clone()).collect()
}

/// Where berth would put this instance's configuration.
fn own_place(config: &Config, declared: &Declared) -> Option<Box<Path>> {
    let mut values = Values {
        user: Some(declared.id.owner()),
        name: Some(declared.id.name()),
        uid: Some(declared.uid),
        port: declared.port,
        host: declared.host,
        ..Values::default()
    };
    let base = fill(&config.layout.base, &values).ok()?;
    values.base = Some(Cow::Owned(base));
    fill(&config.layout.config, &values).ok().map(|path| Path::new(&path).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_its_formula() {
        let mut config = Config::defaults().unwrap();
        let cases = [
            (Strategy::Registry, Formula::None),
            (Strategy::Static, Formula::None),
            (Strategy::Uid, Formula::Uid { modulus: 1000 }),
            (Strategy::NameHash, Formula::NameHash { modulus: 1000 }),
            (Strategy::Block, Formula::Block { size: 10 }),
        ];
        for (strategy, formula) in cases {
            config.ports.strategy = strategy;
            assert_eq!(of(&config).formula, formula);
        }
        assert_eq!(of(&config).reserved.len(), 2);
    }
}
