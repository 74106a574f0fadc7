//! A plan laid over the map of a range: what each port would be, what is told of it, how the whole looks.
//!
//! It must never let a collision, or somebody who gets nothing, go unseen.

use std::collections::{BTreeMap, BTreeSet};

use super::paint::Tone;
use super::port_map::{Told, letter};
use super::wording;
use crate::domain::{Proposal, Proposed, Shown, words};

/// What a plan makes of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Planned {
    /// The strategy means it for several owners.
    Collision,
    /// Who has it keeps it.
    Stays,
    /// Somebody would be moved here, or come here.
    Moves,
    /// Who has it would leave it, and nobody comes.
    Left,
}

impl Planned {
    /// In the legend.
    pub fn words(self) -> &'static str {
        match self {
            Self::Collision => "collision",
            Self::Stays => "stays",
            Self::Moves => "moves here",
            Self::Left => "left",
        }
    }

    /// Its colour.
    pub fn tone(self) -> Tone {
        match self {
            Self::Collision => Tone::Bad,
            Self::Stays => Tone::Good,
            Self::Moves => Tone::Busy,
            Self::Left => Tone::Dim,
        }
    }
}

/// A proposal by ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanMap {
    proposal: Proposal,
    /// Whom each port would be given, as an index of the proposal's rows.
    given: BTreeMap<u16, usize>,
    /// Who would leave a port.
    left: BTreeMap<u16, usize>,
    /// Who is at a port and would be given none.
    nothing: BTreeMap<u16, usize>,
    /// The ports that are meant for several.
    collisions: BTreeSet<u16>,
}

impl PlanMap {
    /// Of a proposal.
    pub fn of(proposal: Proposal) -> Self {
        let rows = || proposal.rows.iter().enumerate();
        let given = rows().filter_map(|(at, row)| Some((row.port?, at))).collect();
        let left = rows().filter(|(_, row)| row.moves()).filter_map(|(at, row)| Some((row.now?, at))).collect();
        let collisions = proposal.collisions.iter().filter_map(|(port, _)| u16::try_from(*port).ok()).collect();
        let nothing = rows().filter(|(_, row)| row.port.is_none()).filter_map(|(at, row)| Some((row.now?, at))).collect();
        Self { given, left, nothing, collisions, proposal }
    }

    /// What it was made by: "uid".
    pub fn strategy(&self) -> &'static str {
        self.proposal.strategy
    }

    /// That it was made with half of the facts, where it was.
    pub fn notice(&self) -> Option<&Shown> {
        self.proposal.notice.as_ref()
    }

    /// What becomes of a port; `None` where the plan changes nothing.
    pub fn planned(&self, port: u16) -> Option<Planned> {
        if self.collisions.contains(&port) {
            return Some(Planned::Collision);
        }
        match self.row(port) {
            Some(row) if row.moves() => Some(Planned::Moves),
            Some(_) => Some(Planned::Stays),
            None => (self.left.contains_key(&port) || self.has_nothing(port).is_some()).then_some(Planned::Left),
        }
    }

    fn row(&self, port: u16) -> Option<&Proposed> {
        self.proposal.rows.get(*self.given.get(&port)?)
    }

    /// The sign of a port: the letter of whom it would be given, upper case who stays there; `None` where the plan changes nothing.
    pub fn sign(&self, port: u16, ascii: bool) -> Option<char> {
        let planned = self.planned(port)?;
        let owner = self.row(port).map(|row| letter(row.id.owner()));
        Some(match (planned, owner) {
            (Planned::Stays, Some(letter)) => letter.to_ascii_uppercase(),
            (Planned::Moves, Some(letter)) => letter.to_ascii_lowercase(),
            _ => sign_of(planned, ascii),
        })
    }

    /// "8 stay", "3 move", "1 gets none", "2 collisions". What matters most comes last.
    pub fn summary(&self) -> Vec<String> {
        let count = |is: &dyn Fn(&Proposed) -> bool| self.proposal.rows.iter().filter(|row| is(row)).count();
        let (stay, move_) = (count(&|row| row.port.is_some() && !row.moves()), count(&Proposed::moves));
        let (none, collisions) = (count(&|row| row.port.is_none()), self.proposal.collisions.len());
        let mut parts = vec![format!("{stay} stay"), format!("{move_} move")];
        if none > 0 {
            parts.push(if none == 1 { "1 gets none".to_owned() } else { format!("{none} get none") });
        }
        if collisions > 0 {
            parts.push(wording::count(collisions, "collision"));
        }
        parts
    }

    /// The signs with what they mean.
    pub fn legend(&self, ascii: bool) -> Vec<(Planned, char)> {
        [Planned::Stays, Planned::Moves, Planned::Left, Planned::Collision].map(|planned| (planned, sign_of(planned, ascii))).into()
    }

    /// What is told of a port.
    pub fn told(&self, port: u16) -> Vec<Told> {
        let mut all = Vec::new();
        let mut say = |text: String, tone| all.push(Told { label: "plan", text, tone });
        if let Some((_, owners)) = self.proposal.collisions.iter().find(|(at, _)| *at == u32::from(port)) {
            let names: Vec<String> = owners.iter().map(|id| id.owner().to_owned()).collect();
            say(
                format!(
                    "{} means it for {}: one of them gets it, the others the next free one",
                    self.proposal.formula,
                    words::list(&names)
                ),
                Tone::Bad,
            );
        }
        if let Some(row) = self.row(port) {
            let from = match row.now {
                Some(now) if now == port => format!("{} keeps it", row.id),
                Some(now) => format!("{} would move here from {now}", row.id),
                None => format!("{} would have it; now it has none", row.id),
            };
            let why = match (&row.why, row.wish) {
                (Some(why), Some(wish)) => format!(", since {wish} {why}"),
                _ => String::new(),
            };
            say(format!("{from}{why}"), if row.moves() { Tone::Busy } else { Tone::Plain });
        }
        if let Some(row) = self.left.get(&port).and_then(|at| self.proposal.rows.get(*at)) {
            let to = row.port.map(|to| to.to_string()).unwrap_or_default();
            say(format!("{} would leave it for {to}", row.id), Tone::Plain);
        }
        all.extend(self.given_nothing(port));
        all
    }

    fn has_nothing(&self, port: u16) -> Option<&Proposed> {
        self.proposal.rows.get(*self.nothing.get(&port)?)
    }

    /// Who is at this port now and would be given none.
    fn given_nothing(&self, port: u16) -> Option<Told> {
        let row = self.has_nothing(port)?;
        let why = match (&row.why, row.wish) {
            (Some(why), Some(wish)) => format!(": {wish} {why}"),
            _ => String::new(),
        };
        Some(Told { label: "plan", text: format!("{} would be given none{why}", row.id), tone: Tone::Bad })
    }
}

/// The sign of what a plan makes of a port; for those that have letters, the one that the legend shows.
fn sign_of(planned: Planned, ascii: bool) -> char {
    match (planned, ascii) {
        (Planned::Stays, _) => 'A',
        (Planned::Moves, _) => 'a',
        (Planned::Left, _) => '-',
        (Planned::Collision, false) => '✖',
        (Planned::Collision, true) => '!',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceId, Obstacle, PortRange, Uid};

    fn id(text: &str) -> InstanceId {
        InstanceId::parse(text).unwrap()
    }

    fn plan() -> PlanMap {
        let row = |name: &str, now, wish, port, why| Proposed { id: id(name), uid: Uid(1), now, wish, port, why };
        PlanMap::of(Proposal {
            strategy: "uid",
            formula: "first + uid % 1000".into(),
            range: PortRange { first: 8080, last: 8090 },
            rows: vec![
                row("alice", Some(8080), Some(8080), Some(8080), None),
                row("bob", Some(8085), Some(8080), Some(8081), Some(Obstacle::Assigned(id("alice")))),
                row("carol", None, Some(8082), Some(8082), None),
                row("dave", Some(8086), Some(9999), None, Some(Obstacle::Outside(PortRange { first: 8080, last: 8090 }))),
            ],
            collisions: vec![(8080, vec![id("alice"), id("bob")])],
            notice: None,
        })
    }

    #[test]
    fn what_a_plan_makes_of_each_port() {
        let plan = plan();
        let signs = |ascii| (8080..=8086).map(|port| plan.sign(port, ascii).unwrap_or(' ')).collect::<String>();
        assert_eq!((signs(false).as_str(), signs(true).as_str()), ("✖bc  --", "!bc  --"));
        assert_eq!(plan.summary(), ["1 stay", "2 move", "1 gets none", "1 collision"]);
        let told = |port| plan.told(port).into_iter().map(|told| told.text).collect::<Vec<_>>();
        assert_eq!(
            told(8080),
            ["first + uid % 1000 means it for alice and bob: one of them gets it, the others the next free one", "alice keeps it"]
        );
        assert_eq!(told(8081), ["bob would move here from 8085, since 8080 is alice's"]);
        assert_eq!(told(8082), ["carol would have it; now it has none"]);
        assert_eq!(
            (told(8085), told(8086)),
            (
                vec!["bob would leave it for 8081".to_owned()],
                vec!["dave would be given none: 9999 is outside the range 8080-8090".to_owned()]
            )
        );
        assert_eq!(told(8089), [""; 0]);
    }
}
