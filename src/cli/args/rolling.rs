//! The words of `berth restart`.
//!
//! It must never do anything: it reads words and refuses what is none.

use clap::Args;

use super::Action;
use crate::domain::Pace;

/// How many are acted on at a time where nothing is said.
const AT_ONCE: u16 = 64;

/// `berth restart`.
#[derive(Clone, Debug, Default, Args)]
pub struct Restart {
    /// Who, and how.
    #[command(flatten)]
    pub action: Action,
    /// One after the other, or --parallel N at a time: the next when one serves on its port. Of --all and --user, those that run
    #[arg(long)]
    pub rolling: bool,
    /// Begin no more after so many failures; 1 unless said
    #[arg(long, value_name = "N", requires = "rolling", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_failures: Option<u16>,
}

impl Restart {
    /// How fast.
    pub fn pace(&self) -> Pace {
        if !self.rolling {
            return self.action.pace();
        }
        Pace::rolling(self.action.parallel.unwrap_or(1).into(), self.max_failures.unwrap_or(1).into())
    }
}

impl Action {
    /// How fast, where it does not end at failures.
    pub fn pace(&self) -> Pace {
        Pace::of(self.parallel.unwrap_or(AT_ONCE).into())
    }
}
