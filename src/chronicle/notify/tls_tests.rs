//! Webhooks with certificates of a CA that is made here.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::*;
use crate::chronicle::notify::web::post;
use crate::config::Address;

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { issuer: Issuer::new(params, key), pem }
}

impl Authority {
    /// A server with a certificate of it for a name, until a year; it answers at most one request.
    fn server(&self, name: &str, until: i32) -> u16 {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 2));
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let Ok((mut socket, _)) = listener.accept() else { return };
            let mut connection = ServerConnection::new(config).unwrap();
            let mut stream = rustls::Stream::new(&mut connection, &mut socket);
            let mut heard = Vec::new();
            while !heard.ends_with(b"{}") {
                let mut bytes = [0; 1024];
                match stream.read(&mut bytes) {
                    Ok(count) if count > 0 => heard.extend_from_slice(&bytes[..count]),
                    _ => return,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            let _ = stream.flush();
            let _ = stream.read(&mut [0; 64]);
        });
        port
    }

    /// Where it is kept, to be trusted.
    fn file(&self, directory: &Path) -> PathBuf {
        let path = directory.join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        path
    }
}

fn told(host: &str, port: u16, ca: Option<&Path>) -> Result<(), String> {
    post(&Address::Http { secure: true, host: host.to_owned(), port, path: "/hook".to_owned() }, ca, "{}")
}

#[test]
fn who_is_trusted_is_told_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let known = authority();
    let file = known.file(directory.path());
    let told = |host, port, ca| told(host, port, ca).map_err(|why| why.split_once(" was not told: ").unwrap().1.to_owned());
    assert_eq!(told("127.0.0.1", known.server("127.0.0.1", 2090), Some(&file)), Ok(()));
    assert_eq!(told("localhost", known.server("localhost", 2090), Some(&file)), Ok(()));
    let ended = "its certificate has ended".to_owned();
    assert_eq!(told("127.0.0.1", known.server("127.0.0.1", 2021), Some(&file)), Err(ended));
    let other = "its certificate is for another name".to_owned();
    assert_eq!(told("127.0.0.1", known.server("elsewhere.example", 2090), Some(&file)), Err(other));
    for (authority, ca) in [(&authority(), Some(&*file)), (&known, None)] {
        let why = told("127.0.0.1", authority.server("127.0.0.1", 2090), ca).unwrap_err();
        // A host without any store trusts nobody, and says that.
        assert!(
            why.starts_with("its certificate is signed by nobody who is trusted") || why.starts_with("this host trusts nobody"),
            "{why}"
        );
    }
}

#[test]
fn who_does_not_speak_tls_is_told_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = authority().file(directory.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut heard = [0; 4096];
        let count = socket.read(&mut heard).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
        heard[..count].to_vec()
    });
    let why = told("127.0.0.1", port, Some(&file)).unwrap_err();
    assert!(why.ends_with("it does not speak TLS; name an http:// address"), "{why}");
    let heard = serving.join().unwrap();
    assert!(!heard.windows(4).any(|four| four == b"POST"), "nothing goes in the clear");
}

#[test]
fn a_file_that_names_nobody_or_that_others_may_write_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = authority().file(directory.path());
    let refused = |file: &Path| Trust::of(Some(file)).err().unwrap_or_default();
    assert_eq!(refused(&file), "");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert!(refused(&file).ends_with("ca.pem: others may write it"), "{}", refused(&file));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&file, "no certificate").unwrap();
    assert!(refused(&file).ends_with("there is no certificate in it"), "{}", refused(&file));
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(refused(&file).contains("cannot be read"), "{}", refused(&file));
    assert!(refused(&directory.path().join("none.pem")).contains("No such file"));
}
