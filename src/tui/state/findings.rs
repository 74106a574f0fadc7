//! The list of findings: which one is chosen and how far it is scrolled.
//!
//! What is chosen is a finding, not a line: it must never change because others came or went.

use crate::domain::{Code, Finding, InstanceId, Snapshot};

use super::State;

/// Its state.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The chosen one.
    pub chosen: Option<Key>,
    /// Where it was last, for when it is gone.
    pub index: usize,
    /// The first one that is seen.
    pub top: usize,
    /// Words that what is shown has to hold; with `!` before it, one that it must not.
    pub filter: String,
}

/// What makes a finding the same one in the next picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    code: Code,
    port: Option<u16>,
    instances: Vec<InstanceId>,
}

impl Key {
    fn of(finding: &Finding) -> Self {
        Self { code: finding.code, port: finding.port, instances: finding.instances.clone() }
    }

    fn is(&self, finding: &Finding) -> bool {
        self.code == finding.code && self.port == finding.port && self.instances == finding.instances
    }
}

impl Findings {
    /// The findings that the filter keeps, in the snapshot's order.
    pub fn shown<'snapshot>(&self, snapshot: &'snapshot Snapshot) -> Vec<&'snapshot Finding> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        snapshot.findings.iter().filter(|finding| words.is_empty() || keeps(&words, finding)).collect()
    }

    /// Finds the chosen one again; when it is gone, the one in its place is chosen.
    pub fn settle(&mut self, shown: &[&Finding]) {
        let found = self.chosen.as_ref().and_then(|key| shown.iter().position(|finding| key.is(finding)));
        match found {
            Some(index) => self.index = index,
            None => self.choose(self.index, shown),
        }
    }

    /// Chooses one by its place.
    pub fn choose(&mut self, index: usize, shown: &[&Finding]) {
        self.index = index.min(shown.len().saturating_sub(1));
        self.chosen = shown.get(self.index).map(|finding| Key::of(finding));
    }

    /// Scrolls so that the chosen one is seen on a page of so many lines.
    pub fn reveal(&mut self, page: usize, count: usize) {
        let page = page.max(1);
        self.top = self.top.min(self.index).max((self.index + 1).saturating_sub(page)).min(count.saturating_sub(page));
    }

    /// The chosen one in the picture that is shown.
    pub fn finding<'snapshot>(&self, snapshot: &'snapshot Snapshot) -> Option<&'snapshot Finding> {
        let key = self.chosen.as_ref()?;
        snapshot.findings.iter().find(|finding| key.is(finding))
    }

    /// The instance that the chosen one is about; of several the first.
    pub fn target<'state>(&self, state: &'state State) -> Option<&'state InstanceId> {
        self.finding(state.snapshot.as_ref()?)?.instances.first()
    }
}

/// Whether a finding holds every word, and none of those that are not wanted.
fn keeps(words: &[String], finding: &Finding) -> bool {
    let names: Vec<String> = finding.instances.iter().map(ToString::to_string).collect();
    let text = format!("{} {} {} {}", finding.level().word(), finding.code.word(), names.join(" "), finding.evidence).to_lowercase();
    words.iter().all(|word| match word.strip_prefix('!') {
        Some(unwanted) => unwanted.is_empty() || !text.contains(unwanted),
        None => text.contains(word.as_str()),
    })
}
