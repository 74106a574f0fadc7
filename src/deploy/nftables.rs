//! The fence as a ruleset of nft(8): one table of berth's own, replaced as a whole in one transaction.
//!
//! It must never touch another table, nor write a name anywhere but in a comment that holds only harmless characters.
//!
//! A connection of this host's own is judged where it leaves its process: the output hook knows whose socket it is (`meta skuid`), the input
//! hook does not any more. One from elsewhere is judged by its address. Both before the destination is translated (-150, below dstnat's
//! -100), so that the port is the one that was asked for, also where a container's is published on it. Only what opens a connection is
//! looked at: what the kernel itself sends for a connection that is there has no owner, and what is open stays open.

use std::fmt::{Display, Write};
use std::net::IpAddr;

use crate::domain::{Fence, Network, PROBE_MARK};

/// How long a comment may be: nft(8) takes 128 bytes and no more.
const LONGEST_COMMENT: usize = 100;

/// The bits of a segment that asks for a connection.
const ASKS: &str = "tcp flags & (fin | syn | rst | ack) == syn";

/// The ruleset.
pub fn nftables(fence: &Fence) -> String {
    let mut text = String::from(HEAD);
    for (port, why) in &fence.left_open {
        line(&mut text, format_args!("# {port} stays open: {}", harmless(why.as_str(), usize::MAX)));
    }
    // Made first, so that there is one to delete; all of a file is one transaction.
    text.push_str("\ntable inet berth\ndelete table inet berth\n\ntable inet berth {\n");
    let allowed = &fence.allowed;
    let ports = fence.gates.iter().map(|(port, gate)| commented(port, &gate.ids));
    set(&mut text, "ports", "inet_service", "", ports);
    let owners = fence.gates.iter().flat_map(|(port, gate)| {
        let owner = move |uid| format!("{port} . {uid}");
        gate.owners.iter().map(owner)
    });
    set(&mut text, "owners", "inet_service . uid", "", owners);
    let root = std::iter::once(commented(&0, &["root"]));
    let users = allowed.users.iter().filter(|(uid, _)| !uid.is_root()).map(|(uid, why)| commented(uid, &[why]));
    set(&mut text, "users", "uid", "", root.chain(users));
    set(&mut text, "groups", "gid", "", allowed.groups.iter().map(|(gid, name)| commented(gid, &[name])));
    let of = |is_wanted: fn(&IpAddr) -> bool| {
        allowed.addresses.iter().filter(move |network| is_wanted(&network.address)).map(Network::to_string)
    };
    set(&mut text, "addresses4", "ipv4_addr", " flags interval; auto-merge;", of(IpAddr::is_ipv4));
    set(&mut text, "addresses6", "ipv6_addr", " flags interval; auto-merge;", of(IpAddr::is_ipv6));
    // Only root can mark a connection so, socket(7); whose question it is, its owner cannot tell: that is nobody.
    let probes = format!("meta mark {PROBE_MARK:#x} accept");
    let ours = ["tcp dport . meta skuid @owners accept", "meta skuid @users accept", "meta skgid @groups accept", &probes, REFUSED];
    chain(&mut text, "ours", &ours);
    chain(&mut text, "others", &["ip saddr @addresses4 accept", "ip6 saddr @addresses6 accept", REFUSED]);
    let hook = |hook: &str| format!("type filter hook {hook} priority -150; policy accept;");
    chain(&mut text, "output", &[&hook("output"), &format!("oif \"lo\" {ASKS} tcp dport @ports goto ours")]);
    let others = format!("iif != \"lo\" {ASKS} tcp dport @ports fib daddr type local goto others");
    chain(&mut text, "prerouting", &[&hook("prerouting"), &others]);
    text.push_str("}\n");
    text
}

/// A client is told at once, as where nobody listens.
const REFUSED: &str = "counter reject with tcp reset";

const HEAD: &str = "\
#!/usr/sbin/nft -f
# Made by: berth deploy nftables
# Only an instance's owner, root, and whom [firewall] in berth's configuration names may connect to the instance's port.
# Who is in a group, and whose each port is, is as it was when this was made: make it anew after a change.
# What is connected already stays so.
";

fn line(text: &mut String, content: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

/// A set; one without elements is not given any, which nft would refuse.
fn set(text: &mut String, name: &str, kind: &str, flags: &str, elements: impl Iterator<Item = String>) {
    line(text, format_args!("\tset {name} {{"));
    line(text, format_args!("\t\ttype {kind};{flags}"));
    let elements: Vec<String> = elements.collect();
    if !elements.is_empty() {
        line(text, format_args!("\t\telements = {{\n\t\t\t{}\n\t\t}}", elements.join(",\n\t\t\t")));
    }
    line(text, "\t}");
}

fn chain(text: &mut String, name: &str, rules: &[&str]) {
    line(text, format_args!("\tchain {name} {{"));
    for rule in rules {
        line(text, format_args!("\t\t{rule}"));
    }
    line(text, "\t}");
}

/// An element with whom it is about.
fn commented(element: &impl Display, names: &[impl Display]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    format!("{element} comment \"{}\"", harmless(&names.join(", "), LONGEST_COMMENT))
}

/// A text in which nothing can end the comment or the line that it stands in.
fn harmless(text: &str, longest: usize) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || " .,:;_@%+/()-".contains(character);
    text.chars().take(longest).map(|character| if plain(character) { character } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Allowed, Gate, Gid, InstanceId, Shown, Uid};

    fn gate(names: &[&str], uids: &[u32]) -> Gate {
        Gate {
            ids: names.iter().map(|name| InstanceId::parse(name).unwrap()).collect(),
            owners: uids.iter().map(|uid| Uid(*uid)).collect(),
        }
    }

    fn whole() -> Fence {
        let allowed = Allowed {
            users: [(Uid(0), Shown::new("root")), (Uid(33), Shown::new("www-data")), (Uid(1009), Shown::new("zoe of %desk"))].into(),
            groups: [(Gid(2000), Shown::new("%desk"))].into(),
            addresses: ["10.1.0.0/16", "192.0.2.7", "2001:db8::/32"].iter().map(|text| Network::parse(text).unwrap()).collect(),
        };
        let gates = [(8081, gate(&["alice"], &[1001])), (8082, gate(&["bob", "bob/tools"], &[990, 1002]))].into();
        Fence {
            gates,
            allowed,
            left_open: [(8107, Shown::new("carol by configuration, and pid 4711 (python3, uid 1002) listens there"))].into(),
        }
    }

    #[test]
    fn the_whole_ruleset() {
        insta::assert_snapshot!(nftables(&whole()));
    }

    #[test]
    fn without_anybody_only_the_frame_is_left() {
        let text = nftables(&Fence::default());
        assert_eq!(text.matches("elements").count(), 1, "{text}");
        assert!(text.contains("0 comment \"root\""), "{text}");
    }

    #[test]
    fn the_same_facts_give_the_same_text() {
        assert_eq!(nftables(&whole()), nftables(&whole().clone()));
    }

    #[test]
    fn no_name_gets_out_of_its_comment() {
        let hostile =
            ["x\" } ; flush ruleset ; #", "a\nflush ruleset", "a\\", "$define", "é\u{202e}", "`id`", "{", "include '/etc/passwd'"];
        for name in hostile {
            let mut fence = whole();
            fence.allowed.users.insert(Uid(7), Shown::new(name));
            fence.allowed.groups.insert(Gid(7), Shown::new(name));
            fence.left_open.insert(9000, Shown::new(name));
            // A row's id may hold an account's name as it is.
            fence.gates.insert(9001, Gate { ids: vec![InstanceId::unmanaged(name, 9001)], ..Gate::default() });
            let text = nftables(&fence);
            // What was put in stands in four places, and each of them is the same length whatever it is.
            let clean = {
                let plain: String = name.chars().map(|_| 'x').collect();
                let mut fence = whole();
                fence.allowed.users.insert(Uid(7), Shown::new(&plain));
                fence.allowed.groups.insert(Gid(7), Shown::new(&plain));
                fence.left_open.insert(9000, Shown::new(&plain));
                fence.gates.insert(9001, Gate { ids: vec![InstanceId::unmanaged(&plain, 9001)], ..Gate::default() });
                nftables(&fence)
            };
            for character in ['"', '{', '}', ';', '\n', '#', '\\', '$', '`', '\''] {
                let extra = if character == ';' { name.matches(';').count() * 4 } else { 0 };
                assert_eq!(text.matches(character).count(), clean.matches(character).count() + extra, "{name:?} {character:?}\n{text}");
            }
            assert!(text.is_ascii());
        }
        let long = "n".repeat(500);
        let mut fence = Fence::default();
        fence.allowed.users.insert(Uid(7), Shown::new(&long));
        let longest = nftables(&fence).lines().map(str::len).max().unwrap();
        assert!(longest < 128 + 16, "{longest}");
    }
}
