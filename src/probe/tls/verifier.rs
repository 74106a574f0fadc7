//! What is checked of a handshake: that the server holds the key of the certificate that it shows, and that its chain has an end.
//!
//! It must never look at who signed a certificate, whom it names or how long it holds: those who run servers sign their own.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// The longest chain that is taken, bytes: it is kept beside the ticket, for each server.
const LONGEST: usize = 16 * 1024;

/// Takes every certificate whose key the server holds.
#[derive(Debug)]
pub struct Verifier(WebPkiSupportedAlgorithms);

/// A chain without an end.
#[derive(Debug)]
struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "its certificates are longer than {} KiB", LONGEST / 1024)
    }
}

impl std::error::Error for TooLong {}

impl Verifier {
    /// One that knows these signatures.
    pub fn new(known: WebPkiSupportedAlgorithms) -> Self {
        Self(known)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if leaf.len() + others.iter().map(|one| one.len()).sum::<usize>() > LONGEST {
            return Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(TooLong)))));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
