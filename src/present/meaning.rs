//! What each code means, and why what is too open matters, in a sentence each: for the screen, and for the rules of a SARIF log.
//!
//! It must never tell of one host: that is what the evidence is for.

use crate::domain::Code;

/// When a finding of this code holds.
pub fn holds_when(code: Code) -> &'static str {
    match code {
        Code::PortDuplicate => "two instances are configured with one port on overlapping addresses",
        Code::PortTaken => "a process that is not the instance's listens on its port",
        Code::PortDrift => "the instance listens, but not on its port",
        Code::PortSilent => "it runs and, after its time to start, listens on nothing",
        Code::PortStranger => "something listens in the range and belongs to no instance",
        Code::ConfigInvalid => "a configuration cannot be read",
        Code::PortShadowed => {
            "another owner's process listens on the same port at another address or family, and so gets what is meant for it"
        }
        Code::PortShared => "several processes that are no one tree share the port by SO_REUSEPORT",
        Code::PortOutOfRange => "a port that berth would assign lies outside the range",
        Code::PortEphemeral => "the range overlaps the ports that the kernel gives away, and they are not reserved there",
        Code::PortCollisionAhead => "the configured formula gives two known owners one port",
        Code::RangeNearlyFull => "90 % of the range is assigned or taken",
        Code::StorageShared => "two instances have one database open, or one has it on a network or synchronised file system",
        Code::DiskFilling => "a file system that instances write on is 90 % full, or will be full within a day",
        Code::LogUnbounded => "a log exceeds its limit and nothing rotates it",
        Code::MdnsNameShared => "two servers announce one name on the network, so that who looks for it finds one of them",
        Code::RestartPending => "configuration, environment file or program changed since the start",
        Code::KeyMissing => "an environment file lacks, or leaves at its placeholder, a key of its example",
        Code::LimitsMissing => "no limit is in force",
        Code::PidfileMismatch => "the PID file names a process that is not the instance",
        Code::BindPublic => "the instance listens on a public or wildcard address",
        Code::AuthMissing | Code::AuthOpen => "the instance answers MCP requests without credentials",
        Code::OriginUnchecked => "the instance's server accepts a foreign Origin",
        Code::EnvReadable => "a file with credentials can be read by others",
        Code::ConfigWritable => "a configuration or its directory can be changed by others",
        Code::SecretShared => "the instances of two owners use the same credential",
        Code::WorkspaceEscape => "the configured workspace lies outside of its owner's directory, links resolved",
        Code::RunsAsRoot => "the instance's process has uid 0",
        Code::CertificateChanged => "the instance shows another certificate than the one that it is known by",
    }
}

/// Why it matters.
pub fn because(code: Code) -> &'static str {
    match code {
        Code::BindPublic => "whoever reaches the port from the network talks to the server, not only this host's users",
        Code::AuthMissing | Code::AuthOpen => "whoever reaches the port uses the server's tools as its owner; loopback is every account's",
        Code::OriginUnchecked => "a web page that its owner opens can have the browser call the server (DNS rebinding)",
        Code::EnvReadable => "who has read a credential can be the owner elsewhere, and nobody sees it",
        Code::ConfigWritable => "who writes it decides what is run as the owner",
        Code::SecretShared => "what one of them does looks like the other's doing, and one leak is both's",
        Code::WorkspaceEscape => "the server's tools read and write there, among files that are not its owner's",
        Code::RunsAsRoot => "a fault in the server, or in one of its tools, is the whole host's",
        _ => holds_when(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_sentence_without_an_end() {
        for code in Code::ALL {
            for text in [holds_when(code), because(code)] {
                assert!(
                    text.len() > 15 && !text.ends_with('.') && text.chars().next().unwrap().is_lowercase() || text.starts_with("90"),
                    "{text}"
                );
            }
            assert!(!code.is_posture() || because(code) != holds_when(code));
        }
    }
}
