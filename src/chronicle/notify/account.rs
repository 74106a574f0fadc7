//! How it goes with each who is to be told, hung up for whoever looks.
//!
//! It must never make a reader wait: nothing is done while it is locked.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::domain::{Notified, Shown};

/// All of them; nothing where nobody is to be told.
pub type Accounts = watch::Sender<Option<Arc<[Notified]>>>;

/// The place of one of them.
#[derive(Clone)]
pub struct Account {
    all: Arc<Accounts>,
    place: usize,
}

impl Account {
    /// Places for these, in their order.
    pub fn for_all(all: &Arc<Accounts>, names: &[String]) -> Vec<Self> {
        let first = || names.iter().map(|name| Notified::nothing_yet(name)).collect();
        all.send_replace((!names.is_empty()).then(first));
        (0..names.len()).map(|place| Self { all: Arc::clone(all), place }).collect()
    }

    /// A message was told, or why it was not; so many events of it were a number only.
    pub fn ended(&self, at: Timestamp, fault: Option<&str>, numbered: u64) {
        self.all.send_modify(|all| {
            let Some(one) = all.as_mut().and_then(|all| Arc::make_mut(all).get_mut(self.place)) else { return };
            one.dropped += numbered;
            match fault {
                None => (one.told, one.told_at) = (one.told + 1, Some(at)),
                Some(why) => {
                    (one.failed, one.failed_at) = (one.failed + 1, Some((at, Shown::new(why))));
                    // Of a number it is counted already.
                    one.dropped += u64::from(numbered == 0);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_and_a_reader_keeps_what_it_had() {
        let all = Arc::new(watch::channel(None).0);
        assert!(Account::for_all(&all, &[]).is_empty() && all.borrow().is_none());
        let places = Account::for_all(&all, &["a".to_owned(), "b".to_owned()]);
        let before = all.borrow().clone().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        places[1].ended(at, None, 0);
        places[1].ended(at, Some("no\u{1b}[2J"), 7);
        places[1].ended(at, Some("no"), 0);
        let after = all.borrow().clone().unwrap();
        assert_eq!(before[1], Notified::nothing_yet("b"));
        assert_eq!(after[0], Notified::nothing_yet("a"));
        let expected =
            Notified { told: 1, told_at: Some(at), failed: 2, failed_at: Some((at, "no".into())), dropped: 8, ..before[1].clone() };
        assert_eq!(after[1], expected);
    }
}
