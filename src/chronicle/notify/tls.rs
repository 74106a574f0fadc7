//! TLS to a webhook: its certificate has to hold, by those whom this host trusts or by the ones that the configuration names.
//!
//! It must never go on with a certificate that does not hold, nor trust what others may write.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::check;

/// The most that such a file may have; a store of a whole system has some 200 KiB.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Whom to trust.
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Those of the file, else those whom this host trusts. Read each time: they may have changed.
    ///
    /// # Errors
    /// Why there are none.
    pub fn of(file: Option<&Path>) -> Result<Self, String> {
        let roots = match file {
            Some(file) => of_file(file).map_err(|why| format!("ca {}: {why}", file.display()))?,
            None => of_host()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// The handshake, with the host of the address by its name.
    ///
    /// # Errors
    /// Why there was none, and whether another attempt may go better.
    pub async fn connect(&self, stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, (String, bool)> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| (format!("{host} is no name of a host"), false))?;
        TlsConnector::from(Arc::clone(&self.0)).connect(name, stream).await.map_err(|error| words(&error))
    }
}

fn of_file(file: &Path) -> Result<RootCertStore, String> {
    check(file, "berth trusts what lies there")?;
    let facts = file.metadata().map_err(|error| error.to_string())?;
    if !facts.is_file() || facts.len() > LONGEST {
        return Err("it is no such file".to_owned());
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| format!("it is no PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate in it cannot be read: {error}"))?;
    }
    if roots.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(roots) }
}

fn of_host() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // One that cannot be read is no reason to trust none.
    let (count, _) = roots.add_parsable_certificates(found.certs);
    if count > 0 {
        return Ok(roots);
    }
    let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    Err(format!("this host trusts nobody's certificates{why}: install its ca-certificates, or name some by ca"))
}

/// Why there was no handshake, and whether another attempt may go better.
fn words(error: &io::Error) -> (String, bool) {
    let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else { return (error.to_string(), true) };
    let text = match inner {
        Error::InvalidCertificate(why) => certificate(why),
        Error::AlertReceived(AlertDescription::CertificateRequired) => "it wants a certificate of who asks".to_owned(),
        Error::AlertReceived(alert) => format!("it refused the handshake: {alert:?}"),
        Error::InvalidMessage(_) => "it does not speak TLS; name an http:// address".to_owned(),
        other => other.to_string(),
    };
    (text, false)
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has ended".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "its certificate does not hold yet".to_owned(),
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody who is trusted; ca = \"/FILE.pem\" names whom to trust".to_owned()
        }
        // Such as a certificate of an authority that was made anew under its old name.
        CertificateError::BadSignature => "its certificate is signed by nobody who is trusted, though one of that name is".to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        other => format!("its certificate does not hold: {other}"),
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
