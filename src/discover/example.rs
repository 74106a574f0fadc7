//! The example that lies beside environment files, and what a file lacks of it.
//!
//! It must never take an ordinary default for a placeholder: `NODE_ENV=production` is right in the example and in the file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::is_secret;
use crate::domain::{Assignment, value_of};
use crate::hand::{FileFacts, Identity, Reader};

use super::env;
use super::tree::EXAMPLES;

/// An example that was read.
#[derive(Debug)]
pub struct Example {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub facts: FileFacts,
    assignments: Vec<Assignment>,
}

impl Example {
    /// The names that a file lacks, and those that it leaves at a placeholder. What the template provides is not lacking.
    pub fn lacking(&self, file: &[Assignment], provided: &BTreeMap<String, String>) -> (Vec<&str>, Vec<&str>) {
        let (mut missing, mut untouched) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for named in self.assignments.iter().filter(|named| seen.insert(named.name.as_str()) && !provided.contains_key(&named.name)) {
            let example = value_of(&self.assignments, &named.name).map_or("", |last| last.value.trim());
            match value_of(file, &named.name).map(|last| last.value.trim()) {
                None => missing.push(named.name.as_str()),
                // Empty on purpose is a value too, but not where the example asks for one.
                Some("") if is_placeholder(example) => missing.push(named.name.as_str()),
                Some(value) if is_placeholder(value) => untouched.push(named.name.as_str()),
                Some(value) if !value.is_empty() && value == example && (is_secret(&named.name) || is_of_an_example(value)) => {
                    untouched.push(named.name.as_str());
                }
                Some(_) => {}
            }
        }
        (missing, untouched)
    }
}

/// Whether a value stands for one that has to be put in, wherever it came from.
pub fn is_placeholder(value: &str) -> bool {
    let value = value.to_ascii_lowercase().replace(['-', ' '], "_");
    let whole = ["changeme", "change_me", "change_this", "replaceme", "replace_me", "placeholder", "todo", "tbd", "fixme", "..."];
    let begins = ["your_", "change_me_", "changeme_", "replace_with_", "replace_me_", "insert_", "enter_your_"];
    whole.contains(&value.as_str())
        || begins.iter().any(|begin| value.starts_with(begin))
        || value.ends_with("_here")
        || value.len() > 2 && value.starts_with('<') && value.ends_with('>')
        || value.len() > 2 && value.bytes().all(|byte| byte == b'x')
}

/// Whether a text could only be an example's: names reserved for documentation (RFC 2606), "your", and the like.
fn is_of_an_example(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    ["example.", "example@", ".example", ".invalid", "your-", "your_", "your.", "yourdomain", "yourcompany", "user1"]
        .iter()
        .any(|word| value.contains(word))
}

/// The examples that were read, looked for once a scan in each directory.
#[derive(Debug, Default)]
pub struct Examples {
    known: HashMap<(u32, PathBuf), Option<Arc<Example>>>,
    looked: HashSet<(u32, PathBuf)>,
}

impl Examples {
    /// A new scan begins: the next look at each directory is a real one.
    pub fn look_again(&mut self) {
        let looked = std::mem::take(&mut self.looked);
        self.known.retain(|place, _| looked.contains(place));
    }

    /// The example in the directory of an environment file: `.env.example`, `.env.sample`, `.env.dist` or `.env.template`.
    ///
    /// One that may not be read, or is another user's, is none: it is a help and no more.
    pub fn beside(&mut self, reader: &Reader, who: &Identity, root: &Path, beneath: &Path) -> Option<Arc<Example>> {
        let directory = beneath.parent().unwrap_or(Path::new(""));
        let place = (who.uid().0, root.join(directory));
        if !self.looked.insert(place.clone()) {
            return self.known.get(&place).cloned().flatten();
        }
        let there = EXAMPLES.into_iter().find_map(|ending| {
            let beneath = directory.join(format!(".env.{ending}"));
            reader.stat(who, root, &beneath).ok().filter(|facts| facts.is_regular).map(|facts| (beneath, facts))
        });
        let found = there.and_then(|(beneath, facts)| {
            let path = root.join(&beneath);
            let known = self.known.get(&place).cloned().flatten();
            known.filter(|known| known.path == path && known.facts == facts).or_else(|| {
                let (assignments, _) = env::read(reader, who, root, &beneath).ok()?;
                Some(Arc::new(Example { path, facts, assignments }))
            })
        });
        self.known.insert(place, found.clone());
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::read_env;

    fn lacking(example: &str, file: &str, provided: &[&str]) -> (String, String) {
        let read = |text: &str| read_env(text.as_bytes()).0;
        let example = Example { path: PathBuf::new(), facts: FileFacts::default(), assignments: read(example) };
        let provided = provided.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        let (missing, untouched) = example.lacking(&read(file), &provided);
        (missing.join(" "), untouched.join(" "))
    }

    #[test]
    fn the_guides_own_file_is_recognised() {
        let example = "SDP_CLIENT_ID=your_client_id_here\nSDP_CLIENT_SECRET=your_client_secret_here\nSDP_INSTANCE_NAME=your-instance\n\
                       SDP_BASE_URL=https://your-portal.com\nSDP_REFRESH_TOKEN=your_refresh_token_here\nSDP_HTTP_PORT=3456\n";
        let guide = "SDP_CLIENT_ID=user1_client_id_here\nSDP_CLIENT_SECRET=user1_client_secret_here\nSDP_INSTANCE_NAME=user1-instance\n\
                     SDP_BASE_URL=https://user1-portal.com\nSDP_REFRESH_TOKEN=user1_refresh_token_here\nSDP_HTTP_PORT=3456\n";
        let all = "SDP_CLIENT_ID SDP_CLIENT_SECRET SDP_REFRESH_TOKEN";
        assert_eq!(lacking(example, guide, &[]), (String::new(), all.to_owned()));
        let copied = "SDP_CLIENT_ID SDP_CLIENT_SECRET SDP_INSTANCE_NAME SDP_BASE_URL SDP_REFRESH_TOKEN";
        assert_eq!(lacking(example, example, &[]), (String::new(), copied.to_owned()));
        let right =
            "SDP_CLIENT_ID=a1\nSDP_CLIENT_SECRET=b2\nSDP_INSTANCE_NAME=c\nSDP_BASE_URL=https://d.net\nSDP_REFRESH_TOKEN=e\nSDP_HTTP_PORT=1";
        assert_eq!(lacking(example, right, &[]), (String::new(), String::new()));
    }

    #[test]
    fn the_table_of_what_is_lacking() {
        let cases = [
            // The example, the file, what is missing, what is untouched.
            ("A=1\nB=2", "", "A B", ""),
            ("A=1\nB=2\nA=3", "B=", "A", ""),
            ("# A=1", "", "", ""),
            ("NODE_ENV=production\nLOG_LEVEL=info\nPORT=80", "NODE_ENV=production\nLOG_LEVEL=info\nPORT=80", "", ""),
            // An optional key is empty in both.
            ("API_KEY=", "API_KEY=", "", ""),
            ("API_KEY=your_key", "API_KEY=", "API_KEY", ""),
            ("DEBUG=mcp:*", "DEBUG=", "", ""),
            // A secret that is the example's is nobody's.
            ("API_KEY=0123abcd", "API_KEY=0123abcd", "", "API_KEY"),
            ("API_KEY=0123abcd", "API_KEY=4567", "", ""),
            ("URL=https://sdp.example.com", "URL=https://sdp.example.com", "", "URL"),
            ("A=x", "A=changeme", "", "A"),
            ("A=x", "A=CHANGE-ME", "", "A"),
            ("A=x", "A='<your token>'", "", "A"),
            ("A=x", "A=XXXX", "", "A"),
            ("A=x", "A=your-portal", "", "A"),
            ("A=x", "A=replace_with_real_one", "", "A"),
            ("A=x", "A=over_there", "", ""),
            ("A=x", "A=changemetoo\nB=your_own", "", ""),
        ];
        for (example, file, missing, untouched) in cases {
            assert_eq!(lacking(example, file, &[]), (missing.to_owned(), untouched.to_owned()), "{example:?} {file:?}");
        }
        assert_eq!(lacking("A=1\nB=your_b", "", &["A", "B"]), (String::new(), String::new()));
    }
}
