//! TLS with servers whose certificates nobody signed: the handshake is checked, the certificate is told, and whose it is decides who asks.
//!
//! It must never take a certificate for good: that it is the same one as before is looked up elsewhere. It must never keep more than one
//! ticket of a server, nor take a chain of certificates that is longer than its limit.

mod certificate;
mod ticket;
mod verifier;

use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, Error};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure::Failure;
use super::wire::{Limited, Seen};
use crate::domain::Fingerprint;
use verifier::Verifier;

pub use certificate::ends;

/// The algorithms of ring: it is built in seconds by a C compiler alone, where aws-lc-rs wants minutes and more of the machine.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

/// One for all: a ticket counts only for the verifier that it was got with.
static VERIFIER: LazyLock<Arc<Verifier>> = LazyLock::new(|| Arc::new(Verifier::new(PROVIDER.signature_verification_algorithms)));

/// The certificate that a server showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Which.
    pub print: Fingerprint,
    /// Until when it holds; `None` where it does not say so in a way that can be read.
    pub ends: Option<Timestamp>,
}

impl Presented {
    /// The one of this DER.
    fn of(der: &[u8]) -> Self {
        let mut sum = [0; 32];
        let made = digest(&SHA256, der);
        sum.iter_mut().zip(made.as_ref()).for_each(|(byte, from)| *byte = *from);
        Self { print: Fingerprint::new(sum), ends: ends(der) }
    }
}

/// How one instance is spoken to by TLS, with the ticket that spares the next handshake its signature.
#[derive(Clone)]
pub struct Secure(Arc<ClientConfig>);

impl fmt::Debug for Secure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secure")
    }
}

impl Secure {
    /// With no ticket yet; `None` where the algorithms do not fit together, which no host can change.
    pub fn new() -> Option<Self> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER)).with_safe_default_protocol_versions().ok()?;
        let verifier: Arc<Verifier> = Arc::clone(&VERIFIER);
        let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        let tickets = Resumption::store(Arc::new(ticket::Kept::default()));
        config.resumption = tickets.tls12_resumption(Tls12Resumption::Disabled);
        Some(Self(Arc::new(config)))
    }

    /// Whether both keep one ticket.
    #[cfg(test)]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The handshake.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn connect(&self, stream: Limited, seen: &Seen) -> Result<(TlsStream<Limited>, Presented), Failure> {
        // An address is never sent as a name, RFC 6066 section 3; and whom the certificate names is not looked at.
        let name = ServerName::IpAddress(std::net::IpAddr::from([127, 0, 0, 1]).into());
        let connecting = TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await;
        let stream = connecting.map_err(|error| failure(&error, seen))?;
        let (_, connection) = stream.get_ref();
        let leaf = connection.peer_certificates().and_then(|chain| chain.first()).ok_or(Failure::NoCertificate)?;
        let presented = Presented::of(leaf);
        Ok((stream, presented))
    }
}

/// Why a handshake or what came after it failed.
pub fn failure(error: &io::Error, seen: &Seen) -> Failure {
    if seen.was_cut() {
        return Failure::TooMuch;
    }
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else { return Failure::Closed };
    match error {
        Error::InvalidCertificate(rustls::CertificateError::Other(_)) => Failure::LongChain,
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Failure::NoCertificate,
        Error::AlertReceived(AlertDescription::CertificateRequired) => Failure::WantsCertificate,
        Error::AlertReceived(_) | Error::PeerIncompatible(_) | Error::PeerMisbehaved(_) => Failure::NoHandshake,
        _ if seen.is_tls() => Failure::NoHandshake,
        _ => Failure::NotTls,
    }
}

#[cfg(test)]
mod tests;
