//! Why an exchange brought no answer.
//!
//! It must never hold what a server sent: that is anybody's text.

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens there any more.
    Refused,
    /// The deadline passed.
    Silent,
    /// It closed the connection before it had answered.
    Closed,
    /// What it sent is not HTTP.
    NotHttp,
    /// It speaks TLS, and was asked without.
    Tls,
    /// It was asked by TLS, and answered something else.
    NotTls,
    /// It broke the handshake of TLS off, or no version and algorithm is common.
    NoHandshake,
    /// It showed no certificate, or one that nobody can use.
    NoCertificate,
    /// Its chain of certificates is longer than is taken.
    LongChain,
    /// It wants a certificate of whoever asks.
    WantsCertificate,
    /// The certificate is not the one that the key may be sent to: nothing was sent.
    Untrusted,
    /// What it sent has no end.
    TooMuch,
    /// This host has no descriptors, ports or memory left for the question.
    NoMeans,
}

impl Failure {
    /// In words, after "it".
    pub fn words(self) -> &'static str {
        match self {
            Self::Refused => "refuses connections",
            Self::Silent => "did not answer within 2 s",
            Self::Closed => "closed the connection without an answer",
            Self::NotHttp => "answered what is not HTTP",
            Self::Tls => "speaks TLS, and was asked without",
            Self::NotTls => "answered what is not TLS",
            Self::NoHandshake => "broke off the handshake of TLS, or speaks neither TLS 1.2 nor 1.3",
            Self::NoCertificate => "showed no certificate that can be used",
            Self::LongChain => "showed a chain of certificates of more than 16 KiB",
            Self::WantsCertificate => "wants a certificate of whoever asks",
            Self::Untrusted => "showed another certificate than the one that it is known by, so no key was sent",
            Self::TooMuch => "answered with headers that have no end",
            Self::NoMeans => "could not be asked: this host has no descriptors or ports left for it",
        }
    }

    /// Whether it says nothing of the server.
    pub fn is_no_verdict(self) -> bool {
        matches!(self, Self::Untrusted | Self::NoMeans)
    }

    /// What the kernel's refusal to connect means.
    pub fn of_connecting(error: &std::io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ECONNREFUSED) => Self::Refused,
            Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM | libc::EADDRNOTAVAIL | libc::EAGAIN) => Self::NoMeans,
            Some(libc::ETIMEDOUT) => Self::Silent,
            _ => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_host_lacks_says_nothing_of_the_server() {
        let of = |code| Failure::of_connecting(&std::io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::ECONNREFUSED), Failure::Refused);
        assert_eq!(of(libc::ECONNRESET), Failure::Closed);
        assert!(of(libc::EMFILE).is_no_verdict() && of(libc::EADDRNOTAVAIL).is_no_verdict());
        assert!(!Failure::Silent.is_no_verdict());
    }
}
