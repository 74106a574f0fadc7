//! Where a host is that is shown beside others: this one, or one that ssh reaches. Read from what people type and configure.
//!
//! It must never let anything through that ssh could take for an option, a shell for more than a word, or a terminal for an order.

use std::fmt;

/// The longest name of a host in DNS, RFC 1035.
const LONGEST_HOST: usize = 253;

/// The longest name of an account, useradd(8), and of a host in the table.
const LONGEST_NAME: usize = 32;

/// What begins an address of another host.
const SCHEME: &str = "ssh://";

/// What stands for this host.
const HERE: &str = "local";

/// A host's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// This host: its daemon.
    Here,
    /// Another one.
    Ssh(SshAddress),
}

/// What ssh is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshAddress {
    /// The account there; without one what ssh's own configuration says.
    pub user: Option<String>,
    /// Its name, which may be one of ssh's own configuration, or its address.
    pub host: String,
    /// The port of its sshd.
    pub port: Option<u16>,
}

/// How many hosts may be shown as one: each has a connection of its own for as long as the console is open.
pub const MOST_HOSTS: usize = 32;

/// A host with the name that it is shown by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedHost {
    /// In the table.
    pub name: String,
    /// Where it is.
    pub at: Whereabouts,
}

impl Whereabouts {
    /// Reads `local` or `ssh://[USER@]HOST[:PORT]`.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == HERE {
            return Ok(Self::Here);
        }
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return Err(format!("is not {SCHEME}[USER@]HOST[:PORT] or {HERE}"));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.split_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        if let Some(user) = user {
            plain("user", user, LONGEST_NAME, |c| matches!(c, '.' | '_' | '-'))?;
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(inner) => {
                let (host, after) = inner.split_once(']').ok_or("has a [ without a ]")?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err("has between [ and ] what is no IPv6 address".to_owned());
                }
                match after {
                    "" => (host, None),
                    after => (host, Some(after.strip_prefix(':').ok_or("has something after the ] that is no port")?)),
                }
            }
            None => {
                let (host, port) = place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
                plain("host", host, LONGEST_HOST, |c| matches!(c, '.' | '_' | '-'))?;
                (host, port)
            }
        };
        let port = port.map(|digits| match digits.parse::<u16>() {
            Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(port),
            _ => Err("has a port that is not a number from 1 to 65535"),
        });
        Ok(Self::Ssh(SshAddress { user: user.map(str::to_owned), host: host.to_owned(), port: port.transpose()? }))
    }
}

/// Whether a text may be a host's name in the table.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn check_host_name(name: &str) -> Result<(), String> {
    plain("name", name, LONGEST_NAME, |c| matches!(c, '.' | '_' | '-'))
}

/// Letters, digits and a few signs, the first one a letter or a digit.
fn plain(what: &str, text: &str, longest: usize, sign: impl Fn(char) -> bool) -> Result<(), String> {
    let Some(first) = text.chars().next() else { return Err(format!("has no {what}")) };
    if first == '-' {
        return Err(format!("has a {what} that begins with a dash, which ssh would take for an option"));
    }
    if text.len() > longest {
        return Err(format!("has a {what} of more than {longest} characters"));
    }
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || sign(c)) {
        return Err(format!("has a {what} with something else than letters, digits, dot, underscore and dash"));
    }
    if !(first.is_ascii_alphanumeric() || first == '_') {
        return Err(format!("has a {what} that does not begin with a letter or a digit"));
    }
    Ok(())
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Ssh(SshAddress { user, host, port }) = self else { return formatter.write_str(HERE) };
        formatter.write_str(SCHEME)?;
        if let Some(user) = user {
            write!(formatter, "{user}@")?;
        }
        if host.contains(':') {
            write!(formatter, "[{host}]")?
        } else {
            formatter.write_str(host)?
        }
        port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// Names for hosts that were given none: what ssh calls them; where two would be the same, all of the address.
pub fn named(all: Vec<(Option<String>, Whereabouts)>) -> Vec<NamedHost> {
    let short = |at: &Whereabouts| match at {
        Whereabouts::Here => HERE.to_owned(),
        Whereabouts::Ssh(address) => address.host.clone(),
    };
    let shorts: Vec<String> = all.iter().map(|(name, at)| name.clone().unwrap_or_else(|| short(at))).collect();
    let is_shared = |name: &String| shorts.iter().filter(|other| *other == name).count() > 1;
    let name = |(at, short): (&Whereabouts, &String)| {
        if is_shared(short) { at.to_string().trim_start_matches(SCHEME).to_owned() } else { short.clone() }
    };
    let names: Vec<String> = all.iter().map(|(_, at)| at).zip(&shorts).map(name).collect();
    all.into_iter().zip(names).map(|((_, at), name)| NamedHost { name, at }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_taken_apart_and_put_together() {
        let ssh = |user: Option<&str>, host: &str, port| {
            Whereabouts::Ssh(SshAddress { user: user.map(str::to_owned), host: host.to_owned(), port })
        };
        let cases = [
            ("local", Whereabouts::Here),
            ("ssh://web1", ssh(None, "web1", None)),
            ("ssh://admin@web1.example.org", ssh(Some("admin"), "web1.example.org", None)),
            ("ssh://a.b-c@10.0.0.7:2222", ssh(Some("a.b-c"), "10.0.0.7", Some(2222))),
            ("ssh://root@[fe80::1]:22", ssh(Some("root"), "fe80::1", Some(22))),
            ("ssh://[::1]", ssh(None, "::1", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(Whereabouts::parse(text).as_ref(), Ok(&expected), "{text}");
            assert_eq!(expected.to_string(), text);
        }
        assert_eq!(Whereabouts::parse("ssh://web1/").map(|at| at.to_string()), Ok("ssh://web1".to_owned()));
    }

    #[test]
    fn what_is_more_than_a_name_is_refused() {
        let refused = [
            ("", "is not ssh://"),
            ("web1", "is not ssh://"),
            ("http://web1", "is not ssh://"),
            ("SSH://web1", "is not ssh://"),
            ("ssh://", "has no host"),
            ("ssh://@web1", "has no user"),
            ("ssh://-oProxyCommand=touch x", "begins with a dash"),
            ("ssh://-oProxyCommand=touch${IFS}x", "begins with a dash"),
            ("ssh://-F/tmp/x", "begins with a dash"),
            ("ssh://-lroot@web1", "begins with a dash"),
            ("ssh://root@-oProxyCommand=x", "begins with a dash"),
            ("ssh://a b@web1", "something else than letters"),
            ("ssh://web1;id", "something else than letters"),
            ("ssh://web1 id", "something else than letters"),
            ("ssh://$(id)", "something else than letters"),
            ("ssh://`id`", "something else than letters"),
            ("ssh://web1|id", "something else than letters"),
            ("ssh://web1&id", "something else than letters"),
            ("ssh://%h", "something else than letters"),
            ("ssh://web1\n", "something else than letters"),
            ("ssh://web\u{1b}[2J", "something else than letters"),
            ("ssh://web1\u{0}", "something else than letters"),
            ("ssh://'web1'", "something else than letters"),
            ("ssh://web1\\x", "something else than letters"),
            ("ssh://wéb", "something else than letters"),
            ("ssh://a@b@c", "something else than letters"),
            ("ssh://web1/path", "something else than letters"),
            ("ssh://.ssh", "does not begin with a letter"),
            ("ssh://web1:", "port that is not a number"),
            ("ssh://web1:0", "port that is not a number"),
            ("ssh://web1:70000", "port that is not a number"),
            ("ssh://web1:+22", "port that is not a number"),
            ("ssh://web1:22 -v", "port that is not a number"),
            ("ssh://[::1", "without a ]"),
            ("ssh://[-oX]", "no IPv6 address"),
            ("ssh://[::1%eth0]", "no IPv6 address"),
            ("ssh://[::1]x", "no port"),
        ];
        for (text, why) in refused {
            let wrong = Whereabouts::parse(text).expect_err(text);
            assert!(wrong.contains(why), "{text:?}: {wrong}");
        }
        let long = format!("ssh://{}", "a".repeat(254));
        assert!(Whereabouts::parse(&long).is_err());
    }

    #[test]
    fn hosts_have_names_of_their_own() {
        let names = |all: &[(Option<&str>, &str)]| -> Vec<String> {
            let all = all.iter().map(|(name, at)| (name.map(str::to_owned), Whereabouts::parse(at).unwrap()));
            named(all.collect()).into_iter().map(|host| host.name).collect()
        };
        assert_eq!(names(&[(None, "ssh://a@web1"), (Some("two"), "ssh://web2"), (None, "local")]), ["web1", "two", "local"]);
        assert_eq!(names(&[(None, "ssh://a@h:1"), (None, "ssh://a@h:2")]), ["a@h:1", "a@h:2"]);
        assert!(check_host_name("web-1").is_ok() && check_host_name("-x").is_err() && check_host_name("a b").is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_is_let_through_is_an_option_or_more_than_a_word(text in "(ssh://)?\\PC{0,40}|ssh://[-a-z@:\\[\\]$;. \u{1b}]{0,20}") {
            if let Ok(Whereabouts::Ssh(address)) = Whereabouts::parse(&text) {
                for word in [Some(address.host.as_str()), address.user.as_deref()].into_iter().flatten() {
                    prop_assert!(!word.starts_with('-') && !word.is_empty());
                    prop_assert!(word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte)));
                }
            }
        }
    }
}
