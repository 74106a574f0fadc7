//! The deployment guide's own scripts beside berth, both ways: it takes over what they started, and they manage what it started.
//!
//! The scripts stand here as the guide has them; only the base directory is another one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::accounts::Account;
use crate::parts;
use crate::world::World;

const START_USER_SERVER: &str = r#"#!/bin/bash
# start_user_server.sh

USERNAME=$1
CONFIG_PATH="/opt/mcp-server/users/${USERNAME}/config/config.json"
LOG_PATH="/opt/mcp-server/users/${USERNAME}/logs/server.log"

# Start server with user-specific configuration
su - ${USERNAME} -c "cd /opt/mcp-server && NODE_ENV=production node src/main.js --config=${CONFIG_PATH} >> ${LOG_PATH} 2>&1 &"

# Store PID for management
PID=$!
echo ${PID} > "/opt/mcp-server/users/${USERNAME}/server.pid"
"#;

const MANAGE_USER_SERVER: &str = r#"#!/bin/bash
# manage_user_server.sh

USERNAME=$1
ACTION=$2
PID_FILE="/opt/mcp-server/users/${USERNAME}/server.pid"
CONFIG_PATH="/opt/mcp-server/users/${USERNAME}/config/config.json"

case ${ACTION} in
  start)
    if [ -f ${PID_FILE} ] && kill -0 $(cat ${PID_FILE}) 2>/dev/null; then
      echo "Server for user ${USERNAME} is already running"
    else
      echo "Starting server for user ${USERNAME}..."
      /opt/mcp-server/scripts/start_user_server.sh ${USERNAME}
    fi
    ;;
    
  stop)
    if [ -f ${PID_FILE} ]; then
      echo "Stopping server for user ${USERNAME}..."
      kill $(cat ${PID_FILE})
      rm ${PID_FILE}
    else
      echo "No running server found for user ${USERNAME}"
    fi
    ;;
    
  restart)
    $0 ${USERNAME} stop
    sleep 2
    $0 ${USERNAME} start
    ;;
    
  status)
    if [ -f ${PID_FILE} ] && kill -0 $(cat ${PID_FILE}) 2>/dev/null; then
      PORT=$(grep "port" ${CONFIG_PATH} | sed 's/[^0-9]//g')
      echo "Server for user ${USERNAME} is running on port ${PORT} (PID: $(cat ${PID_FILE}))"
    else
      echo "Server for user ${USERNAME} is not running"
    fi
    ;;
    
  *)
    echo "Usage: $0 <username> {start|stop|restart|status}"
    exit 1
    ;;
esac
"#;

/// The guide's server takes its port from the file that `--config` names; the real one from its environment.
const MAIN: &str = r#"
const config = JSON.parse(require('fs').readFileSync(process.argv.find((word) => word.startsWith('--config=')).slice('--config='.length)));
process.env.PORT = String(config.port);
process.argv = [process.argv[0], process.argv[1], 'streamableHttp'];
import(require('path').join(process.cwd(), 'node_modules/@modelcontextprotocol/server-everything/dist/index.js'));
"#;

/// A host as the guide leaves it.
struct Guide {
    world: World,
}

impl Guide {
    fn new(everything: &parts::Everything) -> Self {
        let world = World::new(everything, 1);
        let (base, owner, port) = (&world.base, &world.owners[0], world.ports[0]);
        let status = Command::new("usermod").args(["--shell", "/bin/bash", &owner.name]).status().unwrap();
        assert!(status.success(), "usermod");
        let users = base.join("users").join(&owner.name);
        let config = format!(
            "{{\n  \"port\": {port},\n  \"host\": \"0.0.0.0\",\n  \"serverName\": \"{} MCP Server\",\n  \"serverVersion\": \"1.0.0\",\n  \"workspace\": \"{}\"\n}}\n",
            owner.name,
            users.join("workspace").display()
        );
        owner.file(&users.join("config/config.json"), &config);
        for folder in ["src", "scripts"] {
            fs::create_dir(base.join(folder)).unwrap();
            fs::set_permissions(base.join(folder), fs::Permissions::from_mode(0o755)).unwrap();
        }
        write(&base.join("src/main.js"), MAIN, 0o644);
        for (name, text) in [("start_user_server.sh", START_USER_SERVER), ("manage_user_server.sh", MANAGE_USER_SERVER)] {
            write(&base.join("scripts").join(name), &text.replace("/opt/mcp-server", base.to_str().unwrap()), 0o755);
        }
        let text = fs::read_to_string(&world.berth.config).unwrap();
        let (before, after) = text.split_once("[template.default]").unwrap();
        let (_, after) = after.split_once("[[discover]]").unwrap();
        // All but the directory and the range is berth's default: it is the guide's.
        let text = format!("{before}[template.default]\ndirectory = \"{{base}}\"\n[[discover]]{after}");
        fs::write(&world.berth.config, text).unwrap();
        Self { world }
    }

    fn owner(&self) -> &Account {
        &self.world.owners[0]
    }

    /// Runs the guide's manage_user_server.sh and gives what it printed.
    fn script(&self, action: &str) -> String {
        let script = self.world.base.join("scripts/manage_user_server.sh");
        // Not a pipe: what the script leaves in the background keeps its standard output open.
        let told = self.world.base.join("script.out");
        let out = fs::File::create(&told).unwrap();
        Command::new(script).args([&self.owner().name, action]).stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).status().unwrap();
        fs::read_to_string(told).unwrap()
    }

    fn row(&self) -> Value {
        self.world.berth.instance(&self.owner().name)
    }

    fn until(&self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let row = self.row();
            if is_wanted(&row) {
                return row;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {row:#}");
        }
    }

    /// Waits until the server listens, and holds the row against /proc.
    fn is_told_rightly(&self, what: &str) -> i64 {
        let listens = |row: &Value| row["state"] == "running" && row["listening"].as_array().is_some_and(|all| !all.is_empty());
        let row = self.until(what, listens);
        assert_eq!(
            (row["port"].as_u64(), row["uid"].as_u64()),
            (Some(self.world.ports[0].into()), Some(self.owner().uid.into())),
            "{row:#}"
        );
        assert_eq!(row["user"].as_str(), Some(self.owner().name.as_str()), "{row:#}");
        let pid = row["pid"].as_i64().unwrap_or_else(|| panic!("no pid: {row:#}"));
        let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(command.starts_with("node\0src/main.js\0--config="), "pid {pid} is {command:?}");
        pid
    }

    /// What `berth check` says of the PID file.
    fn mismatch(&self) -> Vec<String> {
        let told = self.world.berth.json(&["check"]);
        let findings = told["findings"].as_array().unwrap().iter();
        let evidence = findings.filter(|finding| finding["code"] == "pidfile-mismatch").map(|finding| finding["evidence"].to_string());
        evidence.collect()
    }

    /// Waits until it is old enough for its PID file to count, and what is said then of it.
    fn settled_mismatch(&self, pid: i64) -> Vec<String> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let started: f64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap();
        let uptime = || fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse::<f64>().unwrap();
        while uptime() < started / 100.0 + 3.0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.mismatch()
    }

    fn pid_file(&self) -> String {
        fs::read_to_string(self.world.base.join("users").join(&self.owner().name).join("server.pid")).unwrap().trim().to_owned()
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_the_scripts_started_berth_takes_over_and_the_scripts_manage_what_berth_started() {
    let Some(()) = parts::root() else { return };
    let Some(everything) = parts::everything() else { return };
    let guide = Guide::new(&everything);
    let (berth, name, port) = (&guide.world.berth, guide.owner().name.as_str(), guide.world.ports[0]);

    // What the script started has an empty PID file: `$!` stands outside `su -c`.
    assert!(guide.script("start").contains("Starting"));
    let by_script = guide.is_told_rightly("started by the script");
    assert_eq!(guide.pid_file(), "");
    assert!(guide.script("status").contains("is not running"), "the guide's own view of it");
    let told = guide.settled_mismatch(by_script);
    assert!(told.len() == 1 && told[0].contains("is empty") && told[0].contains(&format!("runs as pid {by_script}")), "{told:?}");
    berth.done(&["stop", name]);
    guide.owner().assert_idle();
    assert_eq!(guide.row()["state"], "stopped");

    // Restarted it has a keeper, and the PID file is right.
    guide.script("start");
    let by_script = guide.is_told_rightly("started by the script again");
    berth.done(&["restart", name]);
    let pid = guide.is_told_rightly("restarted by berth");
    assert_ne!(pid, by_script);
    assert_eq!(guide.pid_file(), pid.to_string());
    assert_eq!(guide.settled_mismatch(pid), [] as [String; 0]);
    let parent = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let parent = parent.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
    let keeper = fs::read_to_string(format!("/proc/{parent}/cmdline")).unwrap();
    assert!(keeper.starts_with("berth\0keeper"), "its parent is {keeper:?}");

    // The scripts see it and end it, and berth does not fight that.
    assert_eq!(guide.script("status").trim(), format!("Server for user {name} is running on port {port} (PID: {pid})"));
    assert!(guide.script("start").contains("is already running"));
    guide.script("stop");
    let row = guide.until("stopped by the script", |row| row["state"] == "stopped");
    assert_eq!((row["wish"].as_str(), row["exit"]["signal"].as_u64()), (Some("down"), Some(15)), "{row:#}");
    guide.owner().assert_idle();

    // Their restart of what berth started ends in a server of theirs, which berth shows and stops.
    berth.done(&["start", name]);
    let before = guide.is_told_rightly("started by berth");
    guide.script("restart");
    let after = guide.is_told_rightly("restarted by the script");
    assert_ne!(before, after);
    berth.done(&["stop", name]);
    guide.owner().assert_idle();
}
