//! What `[keys]` of a configuration changes about the table, and what it may not.
//!
//! It must never leave a place without a way out, nor put what disturbs somebody on Ctrl.

use super::{Action, Bound, Key, Keymap, Place};
use crate::config::{self, KeyLine};
use crate::domain::Shown;
use crate::error::{Error, Kind, Result};

impl Keymap {
    /// The table with a configuration's lines over it.
    ///
    /// # Errors
    /// `Usage`, with file, line and column: an unknown place, action or key, a key that would mean two things, a place without a way
    /// out, what disturbs on Ctrl, a letter where letters are text.
    pub fn of(lines: &[KeyLine]) -> Result<Self> {
        let mut keymap = Self::default();
        for line in lines {
            keymap.rebind(line)?;
        }
        if !lines.is_empty() {
            keymap.is_changed = true;
            keymap.check()?;
        }
        Ok(keymap)
    }

    /// Takes one line over.
    fn rebind(&mut self, line: &KeyLine) -> Result<()> {
        let title = format!("[keys.{}]", Shown::new(&line.section));
        let names = Place::ALL.map(Place::name);
        let Some(place) = Place::ALL.into_iter().find(|place| place.name() == line.section) else {
            return Err(wrong(&line.section_place, &format!("there is no {title}{}", config::advice(&line.section, names))));
        };
        // What is shared may have keys of its own in one place: [keys.instances] restart = "R".
        let known = self.bound.iter().position(|bound| bound.place == place && bound.action.name() == line.action);
        let shared = || self.bound.iter().position(|bound| place.chain().contains(&bound.place) && bound.action.name() == line.action);
        let Some(index) = known.or_else(shared) else {
            let mut actions: Vec<&str> = self.at(place).map(|bound| bound.action.name()).collect();
            actions.sort_unstable();
            actions.dedup();
            let message = format!("unknown action \"{}\" in {title}{}", Shown::new(&line.action), config::advice(&line.action, actions));
            return Err(wrong(&line.place, &message));
        };
        let Some(found) = self.bound.get(index) else { return Ok(()) };
        let mut changed = Bound { place, changed: Some(line.place.clone()), keys: Vec::new(), ..found.clone() };
        for (text, at) in &line.keys {
            let told = |why: &str| wrong(at, &format!("wrong key \"{}\" for {} in {title}: it {why}", Shown::new(text), line.action));
            let key = Key::parse(text).map_err(|why| told(&why))?;
            if let Some(why) = refusal(place, changed.action, key) {
                return Err(told(why));
            }
            changed.keys.push(key);
        }
        if changed.keys.is_empty() && changed.action.is_way_out() {
            return Err(wrong(&line.place, &format!("{} in {title} needs a key: without one there would be no way out", line.action)));
        }
        if known.is_some() {
            // A table may have several lines for one action; the configuration's keys stand for all of them.
            self.bound.retain(|bound| bound.place != place || bound.action != changed.action);
        }
        self.bound.insert(index.min(self.bound.len()), changed);
        Ok(())
    }

    /// No key may mean two things where it is looked up.
    fn check(&self) -> Result<()> {
        for place in Place::ALL {
            let here: Vec<&Bound> = self.at(place).collect();
            for (index, one) in here.iter().enumerate() {
                for other in here.iter().skip(index + 1).filter(|other| other.action != one.action) {
                    let Some(key) = one.keys.iter().find(|key| other.keys.contains(key)) else { continue };
                    // Told at the line that can be mended; one of the two is a configuration's.
                    let Some(at) = other.changed.as_ref().or(one.changed.as_ref()) else { continue };
                    let (one, other) = (told(one, at), told(other, at));
                    let message = format!("the key \"{}\" would be both {one} and {other} in [keys.{}]", key.written(), place.name());
                    return Err(wrong(at, &message));
                }
            }
        }
        Ok(())
    }

    /// Every line as a configuration would say it, with the place that said so: `keys.instances.sort-cpu`, `["P"]`.
    pub fn describe(&self) -> Vec<(String, String, Option<&config::Place>)> {
        let mut lines: Vec<(String, Vec<String>, Option<&config::Place>)> = Vec::new();
        for bound in &self.bound {
            let name = format!("keys.{}.{}", bound.place.name(), bound.action.name());
            let keys = bound.keys.iter().map(|key| format!("{:?}", key.written()));
            match lines.iter_mut().find(|(known, _, _)| *known == name) {
                Some((_, known, _)) => known.extend(keys),
                None => lines.push((name, keys.collect(), bound.changed.as_ref())),
            }
        }
        lines.into_iter().map(|(name, keys, place)| (name, format!("[{}]", keys.join(", ")), place)).collect()
    }
}

/// `restart (/etc/berth/berth.toml:3:1)`, or `quit` for what the table says, or the line that the message begins with.
fn told(bound: &Bound, at: &config::Place) -> String {
    match bound.changed.as_ref().filter(|place| *place != at) {
        Some(place) => format!("{} ({place})", bound.action.name()),
        None => bound.action.name().to_owned(),
    }
}

/// Why a key is not for this.
fn refusal(place: Place, action: Action, key: Key) -> Option<&'static str> {
    let is_text = matches!(key.code, crossterm::event::KeyCode::Char(_)) && !key.control;
    if key.control && action.disturbs() {
        return Some("holds Ctrl, and what disturbs somebody is never on Ctrl: multiplexers repeat and swallow it");
    }
    (place.takes_text() && is_text).then_some("is text there")
}

fn wrong(place: &config::Place, message: &str) -> Error {
    Error::new(Kind::Usage, format!("{place}: {message}"))
}
