//! One `[[discover]]` entry: what was found below each entry of its root, and when that is looked at again.
//!
//! It must never decide what an instance is (`declare` does), nor take anything away at the first look that misses it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, Pattern, Source};
use crate::domain::{ConfigFault, Declared, InstanceId, Part, Probing, Salt, Sealed};
use crate::hand::{FileFacts, Foreseen, Identity, LookedAhead, Reader};

use super::account::Accounts;
use super::declare::{self, Context};
use super::env::{self, Beside};
use super::example::Examples;
use super::pace::Pace;
use super::programs::Programs;
use super::settings;
use super::tree::{Place, Walk};
use super::vanguard::Vanguard;

/// How many files are looked at in one go: few enough that what was found still holds when the last of them is made use of.
const AHEAD: usize = 64;

/// What a look needs from the discoverer.
pub struct Tools<'a> {
    /// The whole configuration.
    pub config: &'a Config,
    /// Looks as the user.
    pub reader: &'a Reader,
    /// The accounts that were asked for.
    pub accounts: &'a mut Accounts,
    /// The programs that were seen.
    pub programs: &'a mut Programs,
    /// The examples that lie beside environment files.
    pub examples: &'a mut Examples,
    /// By what credentials are compared.
    pub sealed: &'a Sealed,
    /// This boot's id.
    pub boot: &'a str,
}

/// What was found at one path.
struct Found {
    beneath: PathBuf,
    facts: FileFacts,
    beside: Beside,
    declared: Arc<Declared>,
}

/// What was found below one entry of the root.
#[derive(Default)]
struct Content {
    found: Vec<Found>,
    faults: Vec<ConfigFault>,
    ways: Vec<PathBuf>,
    who: Option<Identity>,
}

impl Content {
    fn is_empty(&self) -> bool {
        self.found.is_empty() && self.faults.is_empty()
    }

    fn is_same(&self, other: &Self) -> bool {
        let same = |one: &Found, two: &Found| one.beneath == two.beneath && one.declared == two.declared;
        self.found.len() == other.found.len()
            && self.found.iter().zip(&other.found).all(|(one, two)| same(one, two))
            && self.faults == other.faults
    }

    /// Whether something is missing or broken that was there and whole.
    fn is_worse_than(&self, before: &Self) -> bool {
        let is_whole = |content: &Self, beneath: &PathBuf| {
            content.found.iter().any(|found| found.beneath == *beneath && found.declared.fault.is_none())
        };
        before.found.iter().any(|found| match &found.declared.fault {
            None => !is_whole(self, &found.beneath),
            Some(_) => !self.found.iter().any(|now| now.beneath == found.beneath),
        })
    }

    /// The environment files that it is declared from.
    fn env_files(&self) -> Vec<Option<&PathBuf>> {
        self.found.iter().map(|found| found.declared.env_file.as_ref().map(|file| &file.path)).collect()
    }

    /// Whether a fault is not in a text: a timeout or a directory's rights may go without any file being changed.
    fn may_pass(&self) -> bool {
        self.found.iter().any(|found| found.declared.fault.as_ref().is_some_and(|fault| fault.line.is_none()))
    }
}

/// One entry of the root.
pub struct Entry {
    content: Content,
    /// Its directories' watches.
    pub watches: Vec<i32>,
    /// When it is looked at.
    pub pace: Pace,
    /// Why its changes have to be looked for.
    pub complaint: Option<String>,
}

/// One `[[discover]]` entry.
pub struct Search {
    /// Its number in the configuration.
    pub index: usize,
    /// What is looked for.
    pub pattern: Pattern,
    /// What such files are.
    source: Source,
    /// The name of its template.
    pub template: String,
    /// What its template says.
    template_part: OnceCell<Arc<Part>>,
    probing: OnceCell<Arc<Probing>>,
    /// What was found, by the name in the root.
    pub entries: BTreeMap<Arc<str>, Entry>,
    /// Why the root cannot be listed, and names that are none.
    pub faults: Vec<ConfigFault>,
    /// The root itself: its watch, and when it is listed.
    pub root_watches: Vec<i32>,
    /// When the root is listed.
    pub root_pace: Pace,
    /// Which directory the root was.
    pub root: Option<(u64, u64)>,
    /// Why the root's changes have to be looked for.
    pub root_complaint: Option<String>,
    /// What is told of it.
    pub complaint: Option<String>,
}

impl Search {
    /// A search that has found nothing yet.
    pub fn new(index: usize, pattern: Pattern, source: Source, template: String, now: Instant) -> Self {
        let root_pace = Pace::new(now, index, index + 1);
        Self {
            index,
            pattern,
            source,
            template,
            template_part: OnceCell::new(),
            probing: OnceCell::new(),
            entries: BTreeMap::new(),
            faults: Vec::new(),
            root_watches: Vec::new(),
            root_pace,
            root: None,
            root_complaint: None,
            complaint: None,
        }
    }

    /// What was found, and what could not be.
    pub fn found(&self) -> impl Iterator<Item = &Arc<Declared>> {
        self.entries.values().flat_map(|entry| entry.content.found.iter().map(|found| &found.declared))
    }

    /// Every fault of the search, those of its root first.
    pub fn all_faults(&self) -> impl Iterator<Item = &ConfigFault> {
        self.faults.iter().chain(self.entries.values().flat_map(|entry| &entry.content.faults))
    }

    /// Looks at everything, and believes it.
    pub fn look_through(&mut self, tools: &mut Tools<'_>, now: Instant) {
        let names = self.list(tools).unwrap_or_default();
        let count = names.len();
        let mut entries = Vec::with_capacity(count);
        let parts: Vec<&[String]> = names.chunks(AHEAD).collect();
        let reader = tools.reader;
        std::thread::scope(|scope| {
            let vanguard = if parts.len() > 1 { Vanguard::start(scope, reader) } else { None };
            if let (Some(vanguard), Some(first)) = (&vanguard, parts.first()) {
                vanguard.ask(self.foreseen(tools, first.iter().map(String::as_str)));
            }
            for (part, names) in parts.iter().enumerate() {
                let _ahead = match &vanguard {
                    Some(vanguard) => {
                        let seen = vanguard.seen();
                        if let Some(next) = parts.get(part + 1) {
                            vanguard.ask(self.foreseen(tools, next.iter().map(String::as_str)));
                        }
                        seen.map(|seen| reader.lay_out(seen))
                    }
                    None => Some(self.look_ahead(tools, names.iter().map(String::as_str))),
                };
                for (place, name) in names.iter().enumerate() {
                    let before = self.entries.remove(name.as_str());
                    let content = self.content(tools, name, before.as_ref().map(|entry| &entry.content));
                    let watches = before.map(|entry| entry.watches).unwrap_or_default();
                    let pace = Pace::new(now, part * AHEAD + place, count);
                    entries.push((Arc::from(name.as_str()), Entry { content, watches, pace, complaint: None }));
                }
            }
            if let Some(vanguard) = vanguard {
                vanguard.end();
            }
        });
        // All at once: one by one in order every node of the map stays half empty.
        self.entries = entries.into_iter().collect();
    }

    /// Lists the root anew: what has come is looked at, and what has gone. True when its faults have changed.
    ///
    /// `gone` is told of entries that were empty already and are no more, with their watches.
    pub fn look_at_root(&mut self, tools: &mut Tools<'_>, now: Instant, mut gone: impl FnMut(&Arc<str>, &[i32])) -> bool {
        let before = std::mem::take(&mut self.faults);
        let names: HashSet<String> = self.list(tools).unwrap_or_default().into_iter().collect();
        self.entries.retain(|name, entry| {
            let stays = names.contains(&**name) || !entry.content.is_empty();
            if !stays {
                gone(name, &entry.watches);
            } else if !names.contains(&**name) {
                entry.pace.hurry(now);
            }
            stays
        });
        for name in names.iter().filter(|name| !self.entries.contains_key(name.as_str())).collect::<Vec<_>>() {
            self.expect(name, now).hurry(now);
        }
        self.root_pace.looked(now, false);
        self.faults != before
    }

    /// The pace of an entry, which is made where there is none.
    pub fn expect(&mut self, name: &str, now: Instant) -> &mut Pace {
        let make = || Entry { content: Content::default(), watches: Vec::new(), pace: Pace::new(now, 0, 1), complaint: None };
        &mut self.entries.entry(Arc::from(name)).or_insert_with(make).pace
    }

    /// Has the files of these entries looked at in one go, for the looks that follow. A thousand files cost a thousand ways to the
    /// reading thread less. Of more than [`AHEAD`] entries the first are meant.
    pub fn look_ahead<'reader, 'name>(&self, tools: &mut Tools<'reader>, names: impl Iterator<Item = &'name str>) -> LookedAhead<'reader> {
        tools.reader.look_ahead(self.foreseen(tools, names))
    }

    /// Their files, where that can be told without a look.
    fn foreseen<'name>(&self, tools: &mut Tools<'_>, names: impl Iterator<Item = &'name str>) -> Vec<Foreseen> {
        let Some(template) = tools.config.templates.get(&self.template) else { return Vec::new() };
        let mut walk = Walk { reader: tools.reader, pattern: &self.pattern, template, accounts: tools.accounts };
        names.take(AHEAD).filter_map(|name| walk.foresee(name)).collect()
    }

    /// Looks at one entry. True when what is believed has changed.
    pub fn look_at(&mut self, tools: &mut Tools<'_>, name: &Arc<str>, now: Instant) -> bool {
        let Some(before) = self.entries.get(name).map(|entry| &entry.content) else { return false };
        let content = self.content(tools, name, Some(before));
        let (is_same, is_worse) = (content.is_same(before), content.is_worse_than(before));
        let Some(entry) = self.entries.get_mut(name) else { return false };
        let is_believed = entry.pace.looked(now, is_worse);
        if content.may_pass() {
            entry.pace.try_again(now);
        }
        if is_believed {
            // Directories that were not there when it was asked to tell its changes.
            if content.ways != entry.content.ways || content.env_files() != entry.content.env_files() {
                entry.pace.listen_anew();
            }
            entry.content = content;
        }
        is_believed && !is_same
    }

    /// Looks at the entries that declare these instances, and believes what is found there, but not that one is gone: a file that is
    /// replaced may be missing for a moment. True when anything is declared otherwise.
    pub fn look_again(&mut self, tools: &mut Tools<'_>, ids: &[InstanceId]) -> bool {
        let declares = |entry: &Entry| entry.content.found.iter().any(|found| ids.contains(&found.declared.id));
        let names: Vec<Arc<str>> = self.entries.iter().filter(|(_, entry)| declares(entry)).map(|(name, _)| Arc::clone(name)).collect();
        let mut changed = false;
        // What is found ahead is let go of with this, also where it was not read since nothing in it had changed.
        let _ahead = self.look_ahead(tools, names.iter().map(|name| &**name));
        for name in names {
            let Some(before) = self.entries.get(&name).map(|entry| &entry.content) else { continue };
            let content = self.content(tools, &name, Some(before));
            if content.found.len() < before.found.len() || content.is_same(before) {
                continue;
            }
            let Some(entry) = self.entries.get_mut(&name) else { continue };
            if content.ways != entry.content.ways || content.env_files() != entry.content.env_files() {
                entry.pace.listen_anew();
            }
            (entry.content, changed) = (content, true);
        }
        changed
    }

    /// The ways to an entry's files, and who may look there.
    pub fn ways(&self, name: &str) -> Option<(&[PathBuf], Option<&Identity>)> {
        self.entries.get(name).map(|entry| (&entry.content.ways[..], entry.content.who.as_ref()))
    }

    /// The further files that an entry's instances are declared from: the administrator's part of the path, and the rest.
    pub fn further(&self, name: &str) -> Vec<(PathBuf, PathBuf)> {
        let declared = self.entries.get(name).into_iter().flat_map(|entry| entry.content.found.iter().map(|found| &found.declared));
        let file = |declared: &Arc<Declared>| {
            let file = declared.env_file.as_ref().filter(|file| file.path != declared.config)?;
            Some((file.root.clone(), file.path.strip_prefix(&file.root).ok()?.to_owned()))
        };
        declared.filter_map(file).collect()
    }

    fn list(&mut self, tools: &mut Tools<'_>) -> Option<Vec<String>> {
        let template = tools.config.templates.get(&self.template)?;
        self.faults.clear();
        let walk = Walk { reader: tools.reader, pattern: &self.pattern, template, accounts: tools.accounts };
        walk.entries(&mut self.faults)
    }

    fn content(&self, tools: &mut Tools<'_>, name: &str, before: Option<&Content>) -> Content {
        let Some(template) = tools.config.templates.get(&self.template) else { return Content::default() };
        let mut walk = Walk { reader: tools.reader, pattern: &self.pattern, template, accounts: tools.accounts };
        let look = walk.look(name);
        let mut found = Vec::with_capacity(look.places.len());
        for place in look.places {
            let known = before.and_then(|content| content.found.iter().find(|found| found.beneath == place.beneath));
            let who = place.account.identity.clone();
            let same = known.filter(|known| {
                still_holds(known, &place, tools.programs)
                    && known.beside == env::beside(tools.reader, tools.examples, &who, &known.declared)
            });
            let (beside, declared) = match same {
                Some(known) => (known.beside.clone(), Arc::clone(&known.declared)),
                None => {
                    let Tools { config, reader, programs, examples, sealed, boot, .. } = tools;
                    let (root, source) = (self.pattern.root(), &self.source);
                    let salt = Salt::new(boot, &format!("template {}", self.template));
                    let template_part = self.template_part.get_or_init(|| settings::of_template(config, template, salt).complete());
                    let asked = || {
                        let (path, key_names) = (template.health.clone(), template.probe_key_env.clone());
                        Arc::new(Probing { path, key_names, metrics: template.metrics.clone() })
                    };
                    let probing = self.probing.get_or_init(asked);
                    let mut context =
                        Context { config, source, template, template_part, probing, root, reader, programs, examples, sealed, boot };
                    let declared = Arc::new(declare::declare(&mut context, &place));
                    (env::beside(tools.reader, tools.examples, &who, &declared), declared)
                }
            };
            found.push(Found { beneath: place.beneath, facts: place.facts, beside, declared });
        }
        Content { found, faults: look.faults, ways: look.ways, who: look.who }
    }
}

/// Whether a file need not be read again: it is the same, and so are its account (which may have been made meanwhile) and its programs.
fn still_holds(known: &Found, place: &Place, programs: &Programs) -> bool {
    let declared = &known.declared;
    known.facts == place.facts
        && (declared.uid, declared.gid) == (place.account.uid, place.account.gid)
        // A fault that is not in the text (a timeout, a directory's rights) may go without the file being changed.
        && declared.fault.as_ref().is_none_or(|fault| fault.line.is_some())
        && declared.settings.programs.iter().all(|program| programs.is_current(program))
}
