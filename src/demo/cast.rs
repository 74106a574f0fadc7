//! Who plays in the demo: six owners, what is the matter with each, and a stranger.
//!
//! It must never start anything: it is a table.

/// How many ports the demo's range has.
pub const RANGE: u16 = 40;

/// The stranger's place in the range.
pub const STRANGER: u16 = 12;

/// How a server behaves. The word stands in its configuration, under `demo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Many clients, some of them impatient.
    Busy,
    /// A few clients.
    Steady,
    /// Hardly any.
    Quiet,
    /// Slow upstreams, and errors because of them.
    Troubled,
    /// Ends soon after its start, and says why.
    Failing,
}

impl Temper {
    /// Every temper.
    pub const ALL: [Temper; 5] = [Self::Busy, Self::Steady, Self::Quiet, Self::Troubled, Self::Failing];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Steady => "steady",
            Self::Quiet => "quiet",
            Self::Troubled => "troubled",
            Self::Failing => "failing",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|temper| temper.word() == word)
    }
}

/// One owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose instance it is.
    pub owner: &'static str,
    /// Its port's place in the range.
    pub place: u16,
    /// How its server behaves.
    pub temper: Temper,
}

const fn member(owner: &'static str, place: u16, temper: Temper) -> Member {
    Member { owner, place, temper }
}

/// The owners. Carol and dave were given one port: dave is started after her and is the one who fails.
pub const MEMBERS: [Member; 6] = [
    member("alice", 1, Temper::Busy),
    member("bob", 2, Temper::Steady),
    member("carol", 7, Temper::Steady),
    member("dave", 7, Temper::Quiet),
    member("erin", 5, Temper::Troubled),
    member("frank", 6, Temper::Failing),
];

/// The owners in rows that are started side by side; within a row, of one port, one after the other.
pub fn rows_of_starts() -> Vec<Vec<&'static str>> {
    let mut rows: Vec<(u16, Vec<&'static str>)> = Vec::new();
    for member in MEMBERS {
        match rows.iter_mut().find(|(place, _)| *place == member.place) {
            Some((_, owners)) => owners.push(member.owner),
            None => rows.push((member.place, vec![member.owner])),
        }
    }
    rows.into_iter().map(|(_, owners)| owners).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_share_a_port_and_one_fails() {
        let rows = rows_of_starts();
        assert_eq!(rows.len(), 5);
        assert!(rows.contains(&vec!["carol", "dave"]), "{rows:?}");
        assert_eq!(MEMBERS.iter().filter(|member| member.temper == Temper::Failing).count(), 1);
        assert!(MEMBERS.iter().all(|member| member.place < RANGE && member.place != STRANGER));
    }

    #[test]
    fn tempers_are_read_as_they_are_written() {
        for temper in Temper::ALL {
            assert_eq!(Temper::parse(temper.word()), Some(temper));
        }
        assert_eq!(Temper::parse("angry"), None);
    }
}
