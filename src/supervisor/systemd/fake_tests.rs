//! For tests: a user's manager that answers on a socket of its own what it is told to, or nothing, or nonsense.
//!
//! It must never start anything.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use zbus::connection::Builder;
use zbus::export::futures_core::Stream;
use zbus::message::{Message, Type};
use zbus::zvariant::{OwnedObjectPath, Value};
use zbus::{Connection, MessageStream};

use super::name::{object_of, unit_of};

const MANAGER_OBJECT: &str = "/org/freedesktop/systemd1";

/// What it does.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Its units, and whether each runs.
    pub units: BTreeMap<String, bool>,
    /// The main process of each that runs.
    pub pid: u32,
    /// It takes everything and answers nothing.
    pub is_silent: bool,
    /// It answers with these bytes in place of messages.
    pub nonsense: Option<Vec<u8>>,
}

/// It; it goes on until the test ends.
#[derive(Clone)]
pub struct FakeManager {
    /// What it does from now on.
    pub told: Arc<Mutex<Told>>,
    connections: Arc<Mutex<Vec<Connection>>>,
}

impl FakeManager {
    /// One that listens where the manager of this account would below `root`.
    pub fn below(root: &Path, uid: u32, told: Told) -> Self {
        let directory = root.join(uid.to_string()).join("systemd");
        std::fs::create_dir_all(&directory).unwrap();
        let listener = UnixListener::bind(directory.join("private")).unwrap();
        let fake = Self { told: Arc::new(Mutex::new(told)), connections: Arc::default() };
        let own = fake.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let own = own.clone();
                std::thread::spawn(move || own.serve(stream));
            }
        });
        fake
    }

    /// Ends every connection, as its end would.
    pub fn hang_up(&self) {
        let connections: Vec<Connection> = self.connections.lock().unwrap().drain(..).collect();
        for connection in connections {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(connection.close()).unwrap();
        }
    }

    /// A unit runs now, or does not, and it tells so.
    pub fn change(&self, unit: &str, runs: bool) {
        self.told.lock().unwrap().units.insert(unit.to_owned(), runs);
        for connection in self.connections.lock().unwrap().iter() {
            let changed = ("org.freedesktop.systemd1.Unit", HashMap::<&str, Value<'_>>::new(), Vec::<&str>::new());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let interface = "org.freedesktop.DBus.Properties";
            let telling = connection.emit_signal(None::<()>, object_of(unit), interface, "PropertiesChanged", &changed);
            runtime.block_on(telling).unwrap();
        }
    }

    fn serve(&self, mut stream: UnixStream) {
        let told = self.told.lock().unwrap().clone();
        if let Some(nonsense) = told.nonsense {
            let mut line = [0; 64];
            let _ = stream.read(&mut line);
            let _ = stream.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n");
            let _ = stream.write_all(&nonsense);
            return drop(std::io::copy(&mut stream, &mut std::io::sink()));
        }
        if told.is_silent {
            return drop(std::io::copy(&mut stream, &mut std::io::sink()));
        }
        stream.set_nonblocking(true).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = tokio::net::UnixStream::from_std(stream).unwrap();
            let guid = zbus::Guid::generate();
            let connection = Builder::unix_stream(stream).server(guid).unwrap().p2p().build().await.unwrap();
            let mut messages = MessageStream::from(&connection);
            self.connections.lock().unwrap().push(connection.clone());
            while let Some(Ok(message)) = poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await {
                if message.message_type() == Type::MethodCall && !self.told.lock().unwrap().is_silent {
                    self.answer(&connection, &message).await;
                }
            }
        });
    }

    async fn answer(&self, connection: &Connection, message: &Message) {
        let told = self.told.lock().unwrap().clone();
        let header = message.header();
        let body = message.body();
        let object = |name: &str| OwnedObjectPath::try_from(object_of(name)).unwrap();
        let done = match header.member().unwrap().as_str() {
            "ListUnitsByPatterns" => {
                let none = || OwnedObjectPath::try_from("/").unwrap();
                let listed: Vec<_> =
                    told.units.keys().map(|name| (name, "", "loaded", "", "", "", object(name), 0_u32, "", none())).collect();
                connection.reply(&header, &listed).await
            }
            "ListUnitFilesByPatterns" => connection.reply(&header, &Vec::<(String, String)>::new()).await,
            "GetUnit" => connection.reply(&header, &object(body.deserialize::<&str>().unwrap())).await,
            "GetAll" => {
                let unit = unit_of(header.path().unwrap()).unwrap();
                let runs = told.units.get(&unit).copied();
                let mut all = HashMap::from([("LoadState", Value::from(if runs.is_some() { "loaded" } else { "not-found" }))]);
                let runs = runs.unwrap_or_default();
                all.insert("ActiveState", Value::from(if runs { "active" } else { "inactive" }));
                all.insert("SubState", Value::from(if runs { "running" } else { "dead" }));
                all.insert("InvocationID", Value::from(vec![u8::from(runs)]));
                all.insert("MainPID", Value::from(if runs { told.pid } else { 0 }));
                all.insert("User", Value::from("root"));
                all.insert("ControlGroup", Value::from("/system.slice/ssh.service"));
                connection.reply(&header, &all).await
            }
            "StartUnit" | "StopUnit" | "RestartUnit" => {
                let (unit, _) = body.deserialize::<(&str, &str)>().unwrap();
                let runs = header.member().unwrap().as_str() != "StopUnit";
                self.told.lock().unwrap().units.insert(unit.to_owned(), runs);
                let job = OwnedObjectPath::try_from("/org/freedesktop/systemd1/job/7").unwrap();
                connection.reply(&header, &job).await.unwrap();
                let ended = (7_u32, &job, unit, "done");
                connection.emit_signal(None::<()>, MANAGER_OBJECT, "org.freedesktop.systemd1.Manager", "JobRemoved", &ended).await
            }
            _ => connection.reply(&header, &()).await,
        };
        // Whoever asked may have gone.
        let _ = done;
    }
}
