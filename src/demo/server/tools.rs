//! What the demo server offers to an MCP client: three small tools, each call logged.
//!
//! It must never touch the machine: whoever connects can only compute.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{Implementation, InitializeRequestParams, InitializeResult, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, schemars, tool, tool_handler, tool_router};
use serde::Deserialize;

use super::journal::Journal;

/// The service of one session.
#[derive(Clone)]
pub(super) struct Tools {
    journal: Arc<Journal>,
    name: String,
    version: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Echo {
    /// What to say again.
    message: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Add {
    /// The first number.
    a: f64,
    /// The second number.
    b: f64,
}

#[tool_router]
impl Tools {
    pub(super) fn new(journal: Arc<Journal>, name: &str, version: &str) -> Self {
        Self { journal, name: name.to_owned(), version: version.to_owned() }
    }

    #[tool(description = "Says a message again")]
    fn echo(&self, Parameters(Echo { message }): Parameters<Echo>) -> String {
        self.logged("echo", || message)
    }

    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        self.logged("add", || (a + b).to_string())
    }

    #[tool(description = "Tells the time, in UTC")]
    fn time(&self) -> String {
        self.logged("time", || Timestamp::now().to_string())
    }

    fn logged(&self, tool: &str, work: impl FnOnce() -> String) -> String {
        let begun = Instant::now();
        let answer = work();
        self.journal.call(tool, begun.elapsed());
        answer
    }
}

#[tool_handler]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new(self.name.clone(), self.version.clone()))
            .with_instructions("A server of berth's demo: it echoes, adds and tells the time.")
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        // A client chooses its name: no line of the log may be made of it.
        let client = format!("{} {}", request.client_info.name, request.client_info.version);
        self.journal.session(&client.chars().take(60).collect::<String>().escape_debug().to_string());
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }
}
