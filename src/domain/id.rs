//! Identities: who an instance is, which process is meant, which account owns it.
//!
//! It must never accept a name that could be anything but a name: no separators, no leading dash, no control characters.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A numeric user id, as the kernel uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uid(pub u32);

/// A numeric group id, as the kernel uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gid(pub u32);

impl Uid {
    /// Root's uid.
    pub const ROOT: Uid = Uid(0);

    /// Whether this is root.
    pub fn is_root(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A process, told apart from a later one that was given the same pid.
///
/// `start_time` is field 22 of proc_pid_stat(5): clock ticks after boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    /// The process id in berth's own pid namespace.
    pub pid: i32,
    /// Clock ticks between boot and the process's start.
    pub start_time: u64,
}

impl fmt::Display for ProcessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "pid {}", self.pid)
    }
}

/// The longest owner or instance name.
const LONGEST_NAME: usize = 64;

/// The name of an owner's only, unnamed instance.
const DEFAULT_NAME: &str = "default";

/// Who an instance is: its owner's name and its own. Never renamed when other instances come or go.
///
/// Printed as `OWNER` for the instance named `default`, as `OWNER/NAME` for any other.
/// An unmanaged listener's row is `ACCOUNT/:PORT`, which no instance can be called. Where several hosts are shown as one it is `HOST:` before
/// that: two of them may well have an instance of one name, and these are two.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId {
    owner: Box<str>,
    name: Box<str>,
    host: Option<Arc<str>>,
}

/// Why a text is not an owner's or an instance's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// More than 64 characters.
    #[error("it is longer than 64 characters")]
    TooLong,
    /// It begins with a dash or a dot, and so could be taken for an option or a hidden file.
    #[error("it begins with a dash or a dot")]
    BadStart,
    /// It holds a character outside `A-Z a-z 0-9 . _ @ -` (and one `$` at the end).
    #[error("it holds a character other than letters, digits, dot, underscore, @ and dash")]
    BadCharacter,
}

/// Checks one part of an id.
///
/// The set is that of useradd(8) with dots, capitals, `@` (directory services) and a last `$` (machine accounts) added.
fn check_name(name: &str) -> Result<(), NameFault> {
    if name.is_empty() {
        return Err(NameFault::Empty);
    }
    if name.len() > LONGEST_NAME {
        return Err(NameFault::TooLong);
    }
    if name.starts_with(['-', '.']) {
        return Err(NameFault::BadStart);
    }
    let body = name.strip_suffix('$').unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-');
    if body.is_empty() || !body.chars().all(allowed) {
        return Err(NameFault::BadCharacter);
    }
    Ok(())
}

impl InstanceId {
    /// The id of `owner`'s instance called `name`.
    ///
    /// # Errors
    /// When either is not a plain name.
    pub fn new(owner: &str, name: &str) -> Result<Self, NameFault> {
        check_name(owner)?;
        check_name(name)?;
        Ok(Self { owner: owner.into(), name: name.into(), host: None })
    }

    /// The id of `owner`'s unnamed instance.
    ///
    /// # Errors
    /// When `owner` is not a plain name.
    pub fn of_owner(owner: &str) -> Result<Self, NameFault> {
        Self::new(owner, DEFAULT_NAME)
    }

    /// Reads `OWNER` or `OWNER/NAME`, as typed by a person.
    ///
    /// # Errors
    /// When either part is not a plain name.
    pub fn parse(text: &str) -> Result<Self, NameFault> {
        match text.split_once('/') {
            Some((owner, name)) => match name.strip_prefix(':').and_then(|port| port.parse().ok()) {
                Some(port) => check_name(owner).map(|()| Self::unmanaged(owner, port)),
                None => Self::new(owner, name),
            },
            None => Self::of_owner(text),
        }
    }

    /// The id of the row of a listener that belongs to no instance.
    /// `account` is the account's name, or its uid in digits where the account has no plain name.
    pub fn unmanaged(account: &str, port: u16) -> Self {
        Self { owner: account.into(), name: format!(":{port}").into(), host: None }
    }

    /// The same on a host of this name, or on none of several.
    #[must_use]
    pub fn at(&self, host: Option<&Arc<str>>) -> Self {
        Self { host: host.cloned(), ..self.clone() }
    }

    /// The host that it is on, where several are shown as one.
    pub fn host(&self) -> Option<&Arc<str>> {
        self.host.as_ref()
    }

    /// What it is called on its own host.
    pub fn on_its_host(&self) -> impl fmt::Display + '_ {
        OnItsHost(self)
    }

    /// Whose instance it is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// What it is called among its owner's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is its owner's only, unnamed one.
    pub fn is_default(&self) -> bool {
        &*self.name == DEFAULT_NAME
    }

    /// Whether this is the row of a listener that belongs to no instance.
    pub fn is_unmanaged(&self) -> bool {
        self.name.starts_with(':')
    }

    /// A file name for this id: `OWNER+NAME`. `+` is in no name, so two ids never share one (`a-b`+`c` against `a`+`b-c`).
    pub fn file_stem(&self) -> String {
        format!("{}+{}", self.owner, self.name)
    }
}

/// An id without its host.
struct OnItsHost<'a>(&'a InstanceId);

impl fmt::Display for OnItsHost<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InstanceId { owner, name, .. } = self.0;
        if &**name == DEFAULT_NAME { formatter.pad(owner) } else { formatter.pad(&format!("{owner}/{name}")) }
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => OnItsHost(self).fmt(formatter),
            Some(host) => formatter.pad(&format!("{host}:{}", OnItsHost(self))),
        }
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "InstanceId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_instance_is_called_by_its_owner() {
        assert_eq!(InstanceId::parse("alice").map(|id| id.to_string()), Ok("alice".to_owned()));
        assert_eq!(InstanceId::parse("alice/default").map(|id| id.to_string()), Ok("alice".to_owned()));
        assert_eq!(InstanceId::parse("bob/tools").map(|id| id.to_string()), Ok("bob/tools".to_owned()));
    }

    #[test]
    fn what_could_be_anything_but_a_name_is_refused() {
        let cases = [
            ("", NameFault::Empty),
            ("-rf", NameFault::BadStart),
            (".", NameFault::BadStart),
            ("..", NameFault::BadStart),
            ("../x", NameFault::BadStart),
            ("a b", NameFault::BadCharacter),
            ("a\nb", NameFault::BadCharacter),
            ("a/b/c", NameFault::BadCharacter),
            ("\u{1b}[2J", NameFault::BadCharacter),
            ("a$b", NameFault::BadCharacter),
            ("$", NameFault::BadCharacter),
            ("a+b", NameFault::BadCharacter),
        ];
        for (text, fault) in cases {
            assert_eq!(InstanceId::parse(text), Err(fault), "{text:?}");
        }
        assert_eq!(InstanceId::parse(&"x".repeat(65)), Err(NameFault::TooLong));
    }

    #[test]
    fn a_name_of_digits_or_with_capitals_and_dots_is_a_name() {
        for text in ["0day", "Anna.B", "host$", "a@corp", "alice/x_1"] {
            assert!(InstanceId::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn file_names_do_not_collide() {
        let one = InstanceId::new("a-b", "c").map(|id| id.file_stem());
        let other = InstanceId::new("a", "b-c").map(|id| id.file_stem());
        assert_ne!(one, other);
    }

    #[test]
    fn one_name_on_two_hosts_is_two_instances() {
        let alice = InstanceId::parse("alice").unwrap();
        let (web1, web2) = (alice.at(Some(&"web1".into())), alice.at(Some(&"web2".into())));
        assert!(web1 != web2 && web1 != alice && web1.at(None) == alice);
        assert_eq!((web1.to_string(), web1.on_its_host().to_string()), ("web1:alice".to_owned(), "alice".to_owned()));
        assert!(InstanceId::parse("web1:alice").is_err(), "nobody on a host is called so");
    }

    #[test]
    fn an_unmanaged_row_round_trips_and_is_no_instance() {
        let id = InstanceId::unmanaged("bob", 8090);
        assert_eq!(id.to_string(), "bob/:8090");
        assert_eq!(InstanceId::parse("bob/:8090"), Ok(id.clone()));
        assert!(id.is_unmanaged());
    }
}
