//! An instance that is asked for in words: `OWNER[/NAME] [template=NAME] [run-as=ACCOUNT]`, in a list and in the console.
//!
//! It must never take a word for another one than it is: what is not understood is told by its value.

use serde::{Deserialize, Serialize};

use super::{InstanceId, Shown};

/// How such words look.
pub const NEWCOMER: &str = "OWNER[/NAME] [template=NAME] [run-as=ACCOUNT]";

/// It.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// Who it is to be.
    pub id: InstanceId,
    /// The template; `default` where none is named.
    pub template: Option<String>,
    /// The account that it is to run as; its owner's, or what the template says, where none is named.
    pub run_as: Option<String>,
}

impl Newcomer {
    /// One of which nothing but its name is said.
    pub fn named(id: InstanceId) -> Self {
        Self { id, template: None, run_as: None }
    }

    /// Reads the words.
    ///
    /// # Errors
    /// In words: the first that is none, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let id = InstanceId::parse(first).map_err(|why| format!("\"{}\" is not an instance's name: {why}", Shown::new(first)))?;
        if id.is_unmanaged() {
            return Err(format!("\"{}\" is not an instance's name: it is a listener's", Shown::new(first)));
        }
        let mut newcomer = Self::named(id);
        for word in words {
            let (place, value) = match word.split_once('=') {
                Some(("template", value)) => (&mut newcomer.template, value),
                Some(("run-as", value)) => (&mut newcomer.run_as, value),
                _ => return Err(format!("\"{}\" is neither template=NAME nor run-as=ACCOUNT", Shown::new(word))),
            };
            if value.is_empty() || place.replace(value.to_owned()).is_some() {
                return Err(format!("\"{}\" names nothing, or is there twice", Shown::new(word)));
            }
        }
        Ok(newcomer)
    }

    /// " by the template desk as svc"; nothing where neither is named.
    pub(super) fn how(&self) -> String {
        let template = self.template.as_deref().map(|name| format!(" by the template {}", Shown::new(name))).unwrap_or_default();
        let account = self.run_as.as_deref().map(|name| format!(" as {}", Shown::new(name))).unwrap_or_default();
        template + &account
    }

    /// The words of the command line that ask for it.
    pub(super) fn words(&self) -> Vec<String> {
        // Joined, since a name that begins with a hyphen would be taken for an option.
        let template = self.template.iter().map(|name| format!("--template={name}"));
        let account = self.run_as.iter().map(|name| format!("--run-as={name}"));
        [String::from("add"), self.id.on_its_host().to_string()].into_iter().chain(template).chain(account).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_what_is_wrong_is_told_by_its_value() {
        let read = |text: &str| Newcomer::parse(text).map(|one| (one.question_part(), one.words().join(" ")));
        assert_eq!(read(" zoe "), Ok(("zoe".into(), "add zoe".into())));
        let both = "add zoe/tools --template=desk --run-as=svc".to_owned();
        assert_eq!(read("zoe/tools run-as=svc template=desk"), Ok(("zoe/tools by the template desk as svc".into(), both)));
        for (text, why) in [
            ("", "\"\" is not an instance's name"),
            ("-x", "\"-x\" is not an instance's name: it begins with a dash"),
            ("ann/:8080", "\"ann/:8080\" is not an instance's name"),
            ("zoe desk", "\"desk\" is neither template=NAME nor run-as=ACCOUNT"),
            ("zoe template=", "\"template=\" names nothing"),
            ("zoe run-as=a run-as=b", "\"run-as=b\" names nothing, or is there twice"),
        ] {
            assert!(read(text).is_err_and(|told| told.starts_with(why)), "{text}");
        }
    }

    impl Newcomer {
        fn question_part(&self) -> String {
            format!("{}{}", self.id, self.how())
        }
    }
}
