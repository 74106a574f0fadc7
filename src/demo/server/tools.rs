//! The tools that the demo's MCP servers offer.
//!
//! They must never touch anything: they answer from what they are given.

use std::sync::Arc;

use jiff::Timestamp;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;

use super::journal::Journal;

/// One session's handler.
#[derive(Clone, Debug)]
pub struct Tools {
    name: String,
    version: String,
    journal: Arc<Journal>,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Echo {
    /// What is said back.
    text: String,
}

#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Add {
    /// One number.
    a: f64,
    /// The other.
    b: f64,
}

#[tool_router]
impl Tools {
    /// A handler of the server with this name and version.
    pub fn new((name, version): (String, String), journal: Arc<Journal>) -> Self {
        Self { name, version, journal }
    }

    #[tool(description = "Says back what it is told")]
    fn echo(&self, Parameters(Echo { text }): Parameters<Echo>) -> String {
        self.called("echo");
        text
    }

    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        self.called("add");
        (a + b).to_string()
    }

    #[tool(description = "Tells the time in UTC")]
    fn now(&self) -> String {
        self.called("now");
        Timestamp::now().to_string()
    }

    fn called(&self, tool: &str) {
        self.journal.called();
        self.journal.info(&format!("tools/call {tool}"));
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(self.name.clone(), self.version.clone()))
            .with_instructions("A server of berth's demo: echo, add and now.")
    }
}
