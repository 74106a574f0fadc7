//! The check of the program: is it there, and may the account execute it?
//!
//! It must never take berth's own right to execute for the account's.

use super::settings::rights;
use super::{Given, check, shell, tell, with};
use crate::domain::{Check, Places, Shown, Sight, Sought, Topic, Verdict, words};

/// Whether the program can be executed; nothing where it is not known which one it is.
pub(super) fn command(given: &Given<'_>, places: &Places) -> Option<Check> {
    let sought = places.program.as_ref()?;
    let account = &given.checkup.account;
    let (verdict, sentence, steps) = match sought.places.as_slice() {
        [] => (given.bad(), format!("{} is nowhere to be looked for: its PATH is empty", sought.word), vec![config()]),
        [place] => match &place.sight {
            Sight::There(access) if access.is_regular && access.may_execute => {
                return Some(check(Topic::Command, Verdict::Good, &format!("{account} may execute {}", place.path)));
            }
            Sight::There(access) if !access.is_regular => {
                (given.bad(), format!("{} is no file that could be executed", place.path), vec![config()])
            }
            Sight::There(access) => {
                let sentence = format!("{account} may not execute {} (mode {:04o})", place.path, access.mode);
                (given.bad(), sentence, vec![shell(&["chmod", "a+rx", place.path.as_str()], "lets everybody execute it")])
            }
            Sight::Absent(part, _) if *part == place.path => (given.bad(), format!("the program {part} is not there"), absent(sought)),
            Sight::Absent(part, _) => (given.bad(), format!("{part} is not there, and so not the program {}", place.path), absent(sought)),
            Sight::Barred(directory) => {
                let sentence = format!("{account} may not go through {directory}, and so cannot execute {}", place.path);
                (given.bad(), sentence, vec![rights(&place.path)])
            }
            Sight::Unclear(why) => {
                return Some(check(Topic::Command, Verdict::Unknown, &format!("{} could not be looked at: {why}", place.path)));
            }
        },
        all => {
            let directory = |path: &Shown| path.as_str().rsplit_once('/').map_or("/", |(directory, _)| directory).to_owned();
            let looked: Vec<String> = all.iter().map(|place| directory(&place.path)).collect();
            (
                given.bad(),
                format!("the program {} is not there: it was looked for in {}", sought.word, words::list(&looked)),
                absent(sought),
            )
        }
    };
    Some(with(Topic::Command, verdict, &sentence, steps))
}

fn absent(sought: &Sought) -> Vec<crate::domain::Step> {
    vec![tell(&format!("install {}, or name the whole path of it in `command` of the template", sought.word)), config()]
}

fn config() -> crate::domain::Step {
    super::berth(&["config"], "shows the template's `command`")
}
