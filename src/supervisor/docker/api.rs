//! The few calls to an engine that are made, each with a deadline.
//!
//! It must never wait without end, and never ask a second time what may have been heard the first time.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    EventsOptionsBuilder, ListContainersOptionsBuilder, LogsOptionsBuilder, RestartContainerOptionsBuilder, StopContainerOptionsBuilder,
};
use futures_core::Stream;
use jiff::Timestamp;

use super::sockets::Place;
use super::wire::{self, Allowance};
use crate::domain::SupervisorKind;

/// What an event, or a piece of a log, may have at most.
const PIECE: usize = 1024 * 1024;

/// States that containers are listed in. Podman has more of them on the way from one to the next, and a list with such a word is no list.
const STATES: [&str; 7] = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine said no: the status and its words.
    Refused(u16, String),
    /// It answered what is no answer.
    Odd(String),
    /// Nobody answered: whether it was heard is not known.
    Lost(String),
}

impl Fault {
    /// In words.
    pub fn words(&self) -> &str {
        match self {
            Self::Refused(_, words) | Self::Odd(words) | Self::Lost(words) => words,
        }
    }

    fn of(error: &Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => Self::Refused(*status_code, message.trim().to_owned()),
            Error::JsonDataError { message, .. } => Self::Odd(format!("it answers what is no answer: {message}")),
            Error::IOError { err } => Self::Lost(reason(err)),
            error => Self::Lost(innermost(error)),
        }
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => "this account may not ask it".to_owned(),
        std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => "it does not run".to_owned(),
        _ => error.to_string(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// What is asked of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// To run it.
    Start,
    /// To end it, by force after so many seconds.
    Stop(i32),
    /// To end it likewise, and run it again.
    Restart(i32),
}

/// An engine.
pub struct Client {
    place: Place,
    docker: Docker,
    is_podman: Arc<AtomicBool>,
    deadline: Duration,
}

impl Client {
    /// The engine at a place; nothing is asked yet.
    pub fn new(place: Place, deadline: Duration) -> Result<Self, Fault> {
        let is_podman = Arc::default();
        let docker = wire::engine(&place, None, &is_podman).map_err(|error| Fault::of(&error))?;
        Ok(Self { place, docker, is_podman, deadline })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    async fn call<T>(&self, patience: Duration, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer.map_err(|error| Fault::of(&error)),
            Err(_) => Err(Fault::Lost("it does not answer".to_owned())),
        }
    }

    /// Which engine it is.
    pub async fn kind(&self) -> Result<SupervisorKind, Fault> {
        self.ping().await?;
        Ok(if self.is_podman.load(Ordering::Relaxed) { SupervisorKind::Podman } else { SupervisorKind::Docker })
    }

    /// Asks for a sign of life.
    pub async fn ping(&self) -> Result<(), Fault> {
        self.call(self.deadline, self.docker.ping()).await.map(drop)
    }

    /// Every container, whether it runs or not.
    pub async fn list(&self) -> Result<Vec<ContainerSummary>, Fault> {
        let all = ListContainersOptionsBuilder::new().all(true);
        match self.call(self.deadline, self.docker.list_containers(Some(all.clone().build()))).await {
            Err(Fault::Odd(_)) => {
                let settled: HashMap<&str, Vec<&str>> = HashMap::from([("status", STATES.to_vec())]);
                self.call(self.deadline, self.docker.list_containers(Some(all.filters(&settled).build()))).await
            }
            told => told,
        }
    }

    /// Everything about one.
    pub async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse, Fault> {
        self.call(self.deadline, self.docker.inspect_container(id, None)).await
    }

    /// Has something done to one, and comes back when it is done.
    pub async fn act(&self, what: What, id: &str, patience: Duration) -> Result<(), Fault> {
        match what {
            What::Start => self.call(patience, self.docker.start_container(id, None)).await.map(drop),
            What::Stop(grace) => {
                let options = StopContainerOptionsBuilder::new().t(grace).build();
                self.call(patience, self.docker.stop_container(id, Some(options))).await.map(drop)
            }
            What::Restart(grace) => {
                let options = RestartContainerOptionsBuilder::new().t(grace).build();
                self.call(patience, self.docker.restart_container(id, Some(options))).await
            }
        }
    }

    /// What happens to containers from now on.
    pub fn events(&self) -> Result<Events, Fault> {
        let (docker, left) = self.streaming()?;
        let containers: HashMap<&str, Vec<&str>> = HashMap::from([("type", vec!["container"])]);
        let stream = docker.events(Some(EventsOptionsBuilder::new().filters(&containers).build()));
        Ok(Events { stream: Box::pin(stream), left })
    }

    /// What a container has written, each line with its time, and what follows: its last lines, or those since.
    pub fn logs(&self, id: &str, last: Option<usize>, since: Option<Timestamp>) -> Result<Logs, Fault> {
        let (docker, left) = self.streaming()?;
        let mut options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(true);
        if let Some(last) = last {
            options = options.tail(&last.to_string());
        }
        if let Some(since) = since.and_then(|since| i32::try_from(since.as_second()).ok()) {
            options = options.since(since);
        }
        let stream = docker.logs(id, Some(options.build()));
        Ok(Logs { stream: Box::pin(stream), left })
    }

    fn streaming(&self) -> Result<(Docker, Allowance), Fault> {
        let left = Arc::new(AtomicUsize::new(PIECE));
        let docker = wire::engine(&self.place, Some(Arc::clone(&left)), &self.is_podman).map_err(|error| Fault::of(&error))?;
        Ok((docker, left))
    }
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// To which.
    pub id: String,
    /// What: `start`, `die`, `kill`, ...
    pub action: String,
    /// With which signal.
    pub signal: Option<String>,
}

/// They, one after the other.
pub struct Events {
    stream: Pin<Box<dyn Stream<Item = Result<bollard::models::EventMessage, Error>> + Send>>,
    left: Allowance,
}

impl Events {
    /// The next one. It may be given up and asked for again.
    pub async fn next(&mut self) -> Result<Event, Fault> {
        match next(&mut self.stream, &self.left).await {
            Some(Ok(told)) => {
                let actor = told.actor.unwrap_or_default();
                let signal = actor.attributes.and_then(|mut all| all.remove("signal"));
                Ok(Event { id: actor.id.unwrap_or_default(), action: told.action.unwrap_or_default(), signal })
            }
            Some(Err(error)) => Err(Fault::of(&error)),
            None => Err(Fault::Lost("it has closed the connection".to_owned())),
        }
    }
}

/// What was written, piece by piece.
pub struct Logs {
    stream: Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>,
    left: Allowance,
}

impl Logs {
    /// The next piece, and whether it was written to the standard error; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<(bool, hyper::body::Bytes), Fault>> {
        let told = next(&mut self.stream, &self.left).await?;
        Some(match told {
            Ok(LogOutput::StdErr { message }) => Ok((true, message)),
            Ok(LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message }) => Ok((false, message)),
            Err(error) => Err(Fault::of(&error)),
        })
    }
}

async fn next<T>(stream: &mut Pin<Box<dyn Stream<Item = T> + Send>>, left: &Allowance) -> Option<T> {
    left.store(PIECE, Ordering::Relaxed);
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}
