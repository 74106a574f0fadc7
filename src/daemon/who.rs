//! Who somebody is: the uid that the kernel told of the connection, and what the configuration makes of it by now.
//!
//! It must never believe for long what was looked up once: who has left a group loses what it gave, also on a connection that stays open.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::events::Gone;
use super::hub::Hub;
use super::tcp;
use crate::domain::{Caller, Uid};
use crate::error::Result;

/// How long it is believed here. What the door has looked up is believed as long there: together no longer than ten seconds.
pub const BELIEVED: Duration = Duration::from_secs(5);

/// By which way somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The unix socket.
    Unix,
    /// TCP on loopback, where everybody only looks.
    Tcp,
}

/// The other side of a connection.
pub struct Who {
    uid: Uid,
    by: By,
    /// As whom it logged in, where that is another one.
    login: Option<Uid>,
    last: Mutex<Option<(Instant, Arc<Caller>)>>,
}

impl Who {
    /// Whoever has this uid and came by this way.
    pub fn new(uid: Uid, by: By, login: Option<Uid>) -> Self {
        Self { uid, by, login, last: Mutex::new(None) }
    }

    /// The account, where what it asks for is counted: root may ask for as much as it likes, but not by TCP, where others ask as root.
    pub fn counted(&self) -> Option<Uid> {
        (self.by == By::Tcp || !self.uid.is_root()).then_some(self.uid)
    }

    /// As whom it is answered now.
    ///
    /// # Errors
    /// Of kind `Timeout` when that cannot be told in time.
    pub async fn now(&self, hub: &Arc<Hub>) -> Result<Arc<Caller>> {
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, caller)) = &*lock()
            && at.elapsed() < hub.believed
        {
            return Ok(Arc::clone(caller));
        }
        let caller = hub.caller(self.uid).await?;
        let caller = match self.by {
            By::Unix => Caller { login: self.login, ..caller },
            By::Tcp => tcp::caller(caller),
        };
        let mut last = lock();
        let same = last.take().map(|(_, known)| known).filter(|known| **known == caller);
        let caller = same.unwrap_or_else(|| Arc::new(caller));
        *last = Some((Instant::now(), Arc::clone(&caller)));
        Ok(caller)
    }
}

/// What somebody was when a stream began, who is to be that for as long as it goes on.
pub struct Rights {
    /// Who.
    pub who: Arc<Who>,
    /// As whom it is answered.
    pub caller: Arc<Caller>,
}

impl Rights {
    /// Whether it is so still: who may more or less by now begins anew, and is told what is for its eyes then.
    pub async fn hold(&self, hub: &Arc<Hub>) -> Result<(), Gone> {
        match self.who.now(hub).await {
            Ok(now) if now.is_as(&self.caller) => Ok(()),
            _ => Err(Gone),
        }
    }
}
