//! The door over TCP on loopback: whose it is that comes in, and what is refused there. Switched on by `[daemon] http`.
//!
//! It must never let anything be changed by this way, nor take a connection for an admin's: a uid that is looked up stands for whoever made
//! the socket, and browsers, tunnels and proxies make sockets for others.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;

use super::answer::Refusal;
use crate::domain::{Caller, Role, Uid};
use crate::error::Kind;

/// What browsers say of where a request comes from, and nothing else does.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who is not known: no account has this uid, chown(2).
pub const NOBODY: Uid = Uid(u32::MAX);

/// As whom somebody is answered who came by this way.
pub fn caller(caller: Caller) -> Caller {
    let role = if caller.role == Role::Admin { Role::Viewer } else { caller.role };
    Caller { role, read_only: true, ..caller }
}

/// The routes, behind what is refused at this address.
pub fn guarded(routes: Router, at: SocketAddr) -> Router {
    routes.layer(from_fn(move |request: Request<Body>, next: Next| async move {
        match refused(at, &request) {
            Some(refusal) => refusal.into_response(),
            None => next.run(request).await,
        }
    }))
}

/// Why a request is not answered on the door at this address; `None` when it is.
pub fn refused(at: SocketAddr, request: &Request<Body>) -> Option<Refusal> {
    let not = |status, sentence| Some(Refusal::of(status, Kind::NotPermitted, sentence));
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return not(StatusCode::METHOD_NOT_ALLOWED, "over TCP there is only looking: what changes something goes to the unix socket");
    }
    if !is_meant(at, request.headers()) {
        return not(StatusCode::MISDIRECTED_REQUEST, "the Host of this request is not this one");
    }
    let headers = request.headers();
    let is_a_page = headers.contains_key(ORIGIN) || headers.get(SITE).is_some_and(|site| site != "none");
    if is_a_page {
        return not(StatusCode::FORBIDDEN, "pages in browsers are not answered");
    }
    None
}

/// Whether the request names this very place: a name that somebody else had resolve to it (DNS rebinding) is another one.
fn is_meant(at: SocketAddr, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else { return false };
    let port = at.port();
    host == at.to_string() || host.eq_ignore_ascii_case(&format!("localhost:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Shown;

    fn status(method: Method, headers: &[(&str, &str)]) -> Option<u16> {
        let mut request = Request::builder().method(method).uri("/v1/me");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refused(([127, 0, 0, 1], 7070).into(), &request.body(Body::empty()).unwrap())
            .map(|refusal| refusal.into_response().status().as_u16())
    }

    #[test]
    fn only_who_means_this_place_and_is_no_page_may_look() {
        let host = ("host", "127.0.0.1:7070");
        assert_eq!(status(Method::GET, &[host]), None);
        assert_eq!(status(Method::HEAD, &[("host", "LocalHost:7070")]), None);
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
            assert_eq!(status(method, &[host]), Some(405));
        }
        for other in ["127.0.0.1", "127.0.0.1:80", "evil.example:7070", "localhost", "127.0.0.1:7070.evil.example", "[::1]:7070", ""] {
            assert_eq!(status(Method::GET, &[("host", other)]), Some(421), "{other}");
        }
        assert_eq!(status(Method::GET, &[]), Some(421));
        assert_eq!(status(Method::GET, &[host, ("host", "evil.example")]), Some(421));
        for origin in ["null", "http://127.0.0.1:7070", "https://evil.example"] {
            assert_eq!(status(Method::GET, &[host, ("origin", origin)]), Some(403));
        }
        assert_eq!(status(Method::GET, &[host, ("sec-fetch-site", "cross-site")]), Some(403));
        assert_eq!(status(Method::GET, &[host, ("sec-fetch-site", "none")]), None, "typed by hand");
    }

    #[test]
    fn nobody_is_an_admin_here() {
        let of = |role| caller(Caller { uid: Uid(0), name: Shown::new("root"), login: None, role, read_only: false });
        let told = [Role::Admin, Role::Viewer, Role::Stranger].map(|role| (of(role).role, of(role).read_only));
        assert_eq!(told, [(Role::Viewer, true), (Role::Viewer, true), (Role::Stranger, true)]);
    }
}
