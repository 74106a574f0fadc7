//! Asking everybody once who it is, and on demand what it lets in: for those who ask what is wrong.
//!
//! It must never break off an introduction, nor ask more than a few at a time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::introduce::Introduced;
use super::line::{Line, Whom};
use super::origin;
use super::record::Record;
use super::runner::{Prober, World, ask_who, certificate, is_still, may_have_key};
use super::target::{self, Target};
use crate::domain::{Audit, Certificate, InstanceId, Row, Server, Transport};

/// How many at a time.
const MOST: usize = 8;

/// What came of one.
type Came = (InstanceId, Target, Option<Server>, Option<Certificate>, Option<Audit>);

impl Prober {
    /// Asks all who run who they are, and with `origin` what they let in, which `tell` is told. Begins with nobody after `patience`; the thread
    /// ends when those have answered who were asked.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn survey(
        self,
        origin: bool,
        patience: Duration,
        tell: impl FnOnce(HashMap<InstanceId, Arc<Audit>>) + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        self.spawn(move |prober, runtime| tell(runtime.block_on(prober.ask_all(origin, patience))))
    }

    async fn ask_all(&self, origin: bool, patience: Duration) -> HashMap<InstanceId, Arc<Audit>> {
        let begun = Instant::now();
        let snapshot = self.world.snapshot();
        let mut left = snapshot.rows.iter().filter_map(|row| Some((row, target::of(row)?)));
        let (mut tasks, mut audits, mut news) = (JoinSet::new(), HashMap::new(), Vec::new());
        loop {
            while tasks.len() < MOST && begun.elapsed() < patience {
                let Some((row, target)) = left.next() else { break };
                tasks.spawn(one(Arc::clone(&self.world), Arc::clone(row), target, origin));
            }
            let Some(ended) = tasks.join_next().await else { break };
            let Ok((id, target, server, certificate, audit)): Result<Came, _> = ended else { continue };
            audits.extend(audit.map(|audit| (id.clone(), Arc::new(audit))));
            if server.is_some() || certificate.is_some() {
                let mut record = Record::new(target.of);
                if let Some(server) = server {
                    record.introduced(server);
                }
                record.showed(certificate);
                news.push((id, Some(Arc::new(record.probed(false)))));
            }
        }
        self.board.put(news);
        audits
    }
}

/// Asks one.
async fn one(world: Arc<dyn World>, row: Arc<Row>, target: Target, origin: bool) -> Came {
    let id = row.id.clone();
    let Some((line, Introduced { server, presented })) = ask_who(&world, Line::of(target, &row), target, &row).await else {
        return (id, target, None, None, None);
    };
    let mut audit = None;
    if let Some(server) = server.as_ref().filter(|server| origin && server.transport == Transport::Http) {
        let still = || is_still(&*world, &row.id, target);
        let trusts = |presented: Option<&_>| may_have_key(&*world, &row, target, presented);
        let key = async { world.key(&row).await.ok().flatten() };
        audit = origin::audit(Whom { line: &line, still: &still, trusts: &trusts }, server.path, key).await.ok();
    }
    let certificate = presented.map(|presented| certificate(&*world, &id, target, presented));
    (id, target, server, certificate, audit)
}
