//! What is known of the daemons and their apps now, shared between the thread that asks and those who look.
//!
//! It must never make a reader wait for a daemon.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::app::App;
use super::find::Place;
use crate::domain::{ProcessKey, Shown};
use crate::hand::is_alive;
use crate::supervisor::newest::{Newest, Numbered};

/// One daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Its account's name, or uid.
    pub account: Shown,
    /// Its process.
    pub key: ProcessKey,
    /// Its apps that are looked for, by name.
    pub apps: Vec<Arc<App>>,
    /// Since when it has not answered, and why.
    pub lost: Option<(Timestamp, Shown)>,
    /// It has ended: nobody will answer.
    pub has_ended: bool,
    /// It has answered once.
    pub is_asked: bool,
}

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Rises with each change.
    pub serial: u64,
    /// The daemons, also those that have ended.
    pub daemons: BTreeMap<Place, Daemon>,
}

impl State {
    /// An app and its daemon, by the name that it has among its account's.
    pub fn app(&self, uid: u32, name: &str) -> Option<(&Place, &Daemon, &Arc<App>)> {
        self.apps().find(|(place, _, app)| app.uid.unwrap_or(place.uid.0) == uid && app.name == name)
    }

    /// Every app. Only root's own daemon runs anything as somebody else.
    pub fn apps(&self) -> impl Iterator<Item = (&Place, &Daemon, &Arc<App>)> {
        self.daemons.iter().flat_map(|(place, daemon)| daemon.apps.iter().map(move |app| (place, daemon, app)))
    }
}

impl Numbered for State {
    fn renumber(&mut self) {
        self.serial += 1;
    }
}

/// It, shared.
pub type Shared = Newest<State>;

impl Shared {
    /// A daemon has told of all its apps.
    pub fn all(&self, place: &Place, account: &Shown, key: ProcessKey, apps: Vec<Arc<App>>) {
        self.change(|state| {
            let apps = apps.into_iter().map(|mut app| {
                if !place.uid.is_root() && app.uid.is_some() {
                    Arc::make_mut(&mut app).uid = None;
                }
                app
            });
            let daemon = Daemon { account: account.clone(), key, apps: apps.collect(), lost: None, has_ended: false, is_asked: true };
            state.daemons.insert(place.clone(), daemon);
        });
    }

    /// This app is so now.
    pub fn one(&self, place: &Place, app: App) {
        self.change(|state| {
            let apps = state.daemons.get_mut(place).map(|daemon| &mut daemon.apps);
            if let Some(known) = apps.and_then(|apps| apps.iter_mut().find(|known| known.name == app.name)) {
                let uid = known.uid;
                *known = Arc::new(App { uid, ..app });
            }
        });
    }

    /// A daemon does not answer any more. The first reason stands until it does.
    pub fn lose(&self, place: &Place, account: &Shown, key: ProcessKey, why: &str) {
        self.change(|state| {
            let unknown = || Daemon { account: account.clone(), key, apps: Vec::new(), lost: None, has_ended: false, is_asked: false };
            let daemon = state.daemons.entry(place.clone()).or_insert_with(unknown);
            daemon.lost.get_or_insert_with(|| (Timestamp::now(), Shown::new(why)));
        });
    }

    /// A daemon has ended. One that never told of an app is forgotten.
    pub fn end(&self, place: &Place) {
        self.change(|state| {
            let Some(daemon) = state.daemons.get_mut(place) else { return };
            if daemon.apps.is_empty() {
                state.daemons.remove(place);
                return;
            }
            daemon.has_ended = true;
            let since = daemon.lost.as_ref().map_or_else(Timestamp::now, |(since, _)| *since);
            daemon.lost = Some((since, Shown::new("it has ended")));
        });
        self.look_at_the_dead();
    }

    /// Looks which of the processes are left of the daemons that have ended: nobody else will tell.
    pub fn look_at_the_dead(&self) {
        self.change(|state| {
            for daemon in state.daemons.values_mut().filter(|daemon| daemon.has_ended) {
                for app in &mut daemon.apps {
                    let now = app.alive(is_alive);
                    if now != **app {
                        *app = Arc::new(now);
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::app::tests::app;
    use super::*;
    use crate::domain::Uid;

    const KEY: ProcessKey = ProcessKey { pid: i32::MAX, start_time: 1 };

    fn place(uid: u32) -> Place {
        Place { uid: Uid(uid), home: "/home/x/.pm2".into() }
    }

    fn apps(name: &str) -> Vec<Arc<App>> {
        vec![Arc::new(app(name, r#""status":"online""#))]
    }

    #[test]
    fn whoever_listens_is_told_of_changes_and_of_nothing_else() {
        let (shared, told) = (Shared::default(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&told);
        shared.tell(Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        for (name, expected) in [("a", 1), ("a", 1), ("b", 2)] {
            shared.all(&place(1), &"amy".into(), KEY, apps(name));
            assert_eq!((told.load(Ordering::SeqCst), shared.state().serial), (expected, expected as u64), "{name}");
        }
    }

    #[test]
    fn a_user_s_daemon_runs_nothing_as_another_account() {
        let mut of_bob = app("a", r#""status":"online""#);
        of_bob.uid = Some(1002);
        let shared = Shared::default();
        shared.all(&place(1001), &"amy".into(), KEY, vec![Arc::new(of_bob.clone())]);
        assert!(shared.state().app(1002, "a").is_none() && shared.state().app(1001, "a").is_some());
        shared.all(&place(0), &"root".into(), KEY, vec![Arc::new(of_bob)]);
        assert!(shared.state().app(1002, "a").is_some());
    }

    #[test]
    fn f19_what_was_known_of_a_lost_daemon_stays_and_of_one_that_ended_what_still_runs() {
        let shared = Shared::default();
        shared.all(&place(1), &"amy".into(), KEY, apps("a"));
        shared.lose(&place(1), &"amy".into(), KEY, "it does not answer");
        let first = shared.state().daemons[&place(1)].lost.clone();
        shared.lose(&place(1), &"amy".into(), KEY, "something else");
        assert_eq!(shared.state().daemons[&place(1)].lost, first, "the first reason stands");
        assert!(shared.state().app(1, "a").unwrap().2.keys().next().is_some());
        shared.end(&place(1));
        let state = shared.state();
        let (_, daemon, app) = state.app(1, "a").unwrap();
        assert_eq!((daemon.has_ended, app.keys().next()), (true, None), "no such process is alive");
        assert_eq!(daemon.lost.as_ref().map(|(since, _)| *since), first.map(|(since, _)| since));
        shared.all(&place(1), &"amy".into(), KEY, apps("a"));
        assert_eq!(shared.state().daemons[&place(1)].lost, None);
        shared.lose(&place(2), &"bob".into(), KEY, "it does not answer");
        shared.end(&place(2));
        assert!(!shared.state().daemons.contains_key(&place(2)), "of whom nothing is known nothing is kept");
    }
}
