//! The few calls to a manager of systemd's that are made, each with a deadline, and what it tells by itself.
//!
//! It must never wait without end, and never ask a second time what may have been heard the first time.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{broadcast, mpsc};
use zbus::export::futures_core::Stream;
use zbus::message::{Message, Type};
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath};
use zbus::{Connection, MessageStream};

use super::door::Way;
use super::facts::{self, Facts, Properties};
use super::name::{fits, is_instance, object_of, unit_of};

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const MANAGER_OBJECT: &str = "/org/freedesktop/systemd1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const PEER: &str = "org.freedesktop.DBus.Peer";

/// What the bus is asked to pass on: what the manager says, which unit changed, and whether there is a systemd.
const RULES: [&str; 3] = [
    "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',interface='org.freedesktop.systemd1.Manager'",
    "type='signal',sender='org.freedesktop.systemd1',path_namespace='/org/freedesktop/systemd1/unit',\
     interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',\
     arg0='org.freedesktop.systemd1'",
];

/// How many ends of jobs wait for whoever asked for them.
const JOBS: usize = 1024;

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// systemd said no: the error's name and its words.
    Refused(String, String),
    /// Nobody answered: whether it was heard is not known.
    Lost(String),
}

impl Fault {
    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Self::Refused(_, words) | Self::Lost(words) => words,
        }
    }
}

/// Names of errors by which the bus says that nobody is there who could answer, or that whoever is did not.
const NOBODY: [&str; 6] = ["NoReply", "ServiceUnknown", "NameHasNoOwner", "Disconnected", "TimedOut", "Timeout"];

impl From<zbus::Error> for Fault {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, words, _) => {
                let words = words.unwrap_or_else(|| name.to_string());
                match name.strip_prefix("org.freedesktop.DBus.Error.") {
                    Some(kind) if NOBODY.contains(&kind) => Self::Lost(words),
                    _ => Self::Refused(name.to_string(), words),
                }
            }
            zbus::Error::InputOutput(cause) if cause.kind() == std::io::ErrorKind::TimedOut => Self::Lost("it does not answer".to_owned()),
            other => Self::Lost(other.to_string()),
        }
    }
}

/// What is told without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A unit is loaded, or another than before.
    Changed(String),
    /// A unit is not loaded any more.
    Removed(String),
    /// Everything was read anew.
    Reloaded,
    /// There is no systemd on the bus any more, or no bus.
    Gone(String),
}

/// A job has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// Its object.
    pub job: String,
    /// `done`, `failed`, `canceled`, `timeout`, `dependency`, `skipped`.
    pub result: String,
}

/// How many changes may wait to be looked at.
const TOLD: usize = 4096;

/// A connection on which everything is told.
pub struct Bus {
    connection: Connection,
    way: Way,
    /// Held by whoever listens: when nobody does any more no end of a job is to be waited for.
    jobs: broadcast::WeakSender<JobEnd>,
}

impl Bus {
    /// Connects, and has told what concerns units of these patterns.
    pub async fn connect(way: &Way, patterns: Arc<[String]>, deadline: Duration) -> Result<(Self, mpsc::Receiver<Told>), Fault> {
        let connection = way.connect(deadline).await?;
        let (told, receiver) = mpsc::channel(TOLD);
        let (jobs, _) = broadcast::channel(JOBS);
        // Listened to from now on, so that nothing is missed between the first question and its answer.
        tokio::spawn(listen(MessageStream::from(&connection), patterns, told, jobs.clone()));
        let bus = Self { connection, way: way.clone(), jobs: jobs.downgrade() };
        drop(jobs);
        // Without a bus in between there is nobody who holds anything back.
        for rule in RULES.iter().filter(|_| way.user().is_none()) {
            let daemon = Some("org.freedesktop.DBus");
            bus.connection.call_method(daemon, "/org/freedesktop/DBus", daemon, "AddMatch", rule).await?;
        }
        bus.manager("Subscribe", &()).await?;
        Ok((bus, receiver))
    }

    async fn call<B: Serialize + DynamicType>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<Message, Fault> {
        Ok(self.connection.call_method(Some(SYSTEMD), path, Some(interface), method, body).await?)
    }

    async fn manager<B: Serialize + DynamicType>(&self, method: &str, body: &B) -> Result<Message, Fault> {
        self.call(MANAGER_OBJECT, MANAGER, method, body).await
    }

    /// Whether systemd still answers.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.call(MANAGER_OBJECT, PEER, "Ping", &()).await.map(drop)
    }

    /// The names of the services of these patterns: loaded ones, and those of which there is only a file.
    pub async fn names(&self, patterns: &[String]) -> Result<Vec<String>, Fault> {
        type Listed = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);
        let any: [&str; 0] = [];
        let listed = self.manager("ListUnitsByPatterns", &(&any[..], patterns)).await?;
        let listed: Vec<Listed> = listed.body().deserialize()?;
        let files = self.manager("ListUnitFilesByPatterns", &(&any[..], patterns)).await?;
        let files: Vec<(String, String)> = files.body().deserialize()?;
        let files = files.into_iter().filter_map(|(path, _)| path.rsplit_once('/').map(|(_, name)| name.to_owned()));
        let mut names: Vec<String> = listed.into_iter().map(|unit| unit.0).chain(files).filter(|name| is_instance(name)).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// Whether a unit is loaded. Asking for its properties would load it.
    pub async fn is_loaded(&self, name: &str) -> Result<bool, Fault> {
        match self.manager("GetUnit", &name).await {
            Ok(_) => Ok(true),
            Err(Fault::Refused(..)) => Ok(false),
            Err(lost) => Err(lost),
        }
    }

    /// What there is to know of a unit.
    pub async fn facts(&self, name: &str) -> Result<Facts, Fault> {
        let path = object_of(name);
        let unit = self.call(&path, PROPERTIES, "GetAll", &"org.freedesktop.systemd1.Unit").await?;
        let service = self.call(&path, PROPERTIES, "GetAll", &"org.freedesktop.systemd1.Service").await?;
        let (unit, service): (Properties, Properties) = (unit.body().deserialize()?, service.body().deserialize()?);
        let facts = facts::facts(name, &unit, &service, |pid| self.way.process(pid));
        Ok(match self.way.user() {
            Some(uid) => facts.of_user(uid),
            None => facts,
        })
    }

    /// What ends from now on.
    pub fn ends(&self) -> Result<broadcast::Receiver<JobEnd>, Fault> {
        let jobs = self.jobs.upgrade().ok_or_else(|| Fault::Lost("the message bus has gone".to_owned()))?;
        Ok(jobs.subscribe())
    }

    /// Asks for a job and gives its object: `StartUnit`, `StopUnit`, `RestartUnit`.
    pub async fn job(&self, method: &str, name: &str) -> Result<String, Fault> {
        let reply = self.manager(method, &(name, "replace")).await?;
        let job: OwnedObjectPath = reply.body().deserialize()?;
        Ok(job.as_str().to_owned())
    }

    /// Forgets that a unit failed too often.
    pub async fn reset_failed(&self, name: &str) -> Result<(), Fault> {
        self.manager("ResetFailedUnit", &name).await.map(drop)
    }
}

/// Passes on what is told, for as long as there is a bus. It is always read: what is not would keep answers from coming.
async fn listen(mut stream: MessageStream, patterns: Arc<[String]>, told: mpsc::Sender<Told>, jobs: broadcast::Sender<JobEnd>) {
    let why = loop {
        let next = tokio::select! {
            next = poll_fn(|context| std::pin::Pin::new(&mut stream).poll_next(context)) => next,
            // The connection was given up.
            () = told.closed() => return,
        };
        match next {
            Some(Ok(message)) => match news(&message, &patterns, &jobs) {
                Some(Told::Gone(why)) => break why,
                // Whether anybody listens is asked above. With more than anybody can ask for, everything is asked for anew.
                Some(news) => {
                    if matches!(told.try_send(news), Err(mpsc::error::TrySendError::Full(_))) {
                        break "it tells of more changes than can be looked at".to_owned();
                    }
                }
                None => {}
            },
            Some(Err(error)) => break error.to_string(),
            None => break "it has closed the connection".to_owned(),
        }
    };
    let _ = told.send(Told::Gone(why)).await;
}

fn news(message: &Message, patterns: &[String], jobs: &broadcast::Sender<JobEnd>) -> Option<Told> {
    if message.message_type() != Type::Signal {
        return None;
    }
    let header = message.header();
    let body = message.body();
    let wanted = |name: &str| is_instance(name) && patterns.iter().any(|pattern| fits(pattern, name));
    match header.member()?.as_str() {
        "PropertiesChanged" => unit_of(header.path()?.as_str()).filter(|name| wanted(name)).map(Told::Changed),
        "UnitNew" => {
            let (name, _) = body.deserialize::<(&str, ObjectPath<'_>)>().ok()?;
            wanted(name).then(|| Told::Changed(name.to_owned()))
        }
        "UnitRemoved" => {
            let (name, _) = body.deserialize::<(&str, ObjectPath<'_>)>().ok()?;
            wanted(name).then(|| Told::Removed(name.to_owned()))
        }
        "JobRemoved" => {
            let (_, job, _, result) = body.deserialize::<(u32, ObjectPath<'_>, &str, &str)>().ok()?;
            // Nobody may be waiting.
            let _ = jobs.send(JobEnd { job: job.as_str().to_owned(), result: result.to_owned() });
            None
        }
        "Reloading" => (!body.deserialize::<bool>().ok()?).then_some(Told::Reloaded),
        "NameOwnerChanged" => {
            let (_, _, new) = body.deserialize::<(&str, &str, &str)>().ok()?;
            // Another one is asked anew, too: nothing is known of what it has.
            Some(Told::Gone(if new.is_empty() { "it has left the message bus".into() } else { "it has come anew".into() }))
        }
        _ => None,
    }
}
