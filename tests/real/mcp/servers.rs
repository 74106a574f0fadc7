//! The programs of the servers: what each says of itself, and how it tells what it keeps when it gets SIGUSR2.
//!
//! They must never do more than a server of the SDK's first example.

/// Python's SDK of the older era: FastMCP, which opens a session for every question without one.
pub const FAST: &str = r#"
import gc, signal, sys
from mcp.server.fastmcp import FastMCP
server = FastMCP("fast", host="127.0.0.1", port=int(sys.argv[1]))

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

def tell(*_):
    gc.collect()
    print("kept %d %d" % (len(server.session_manager._server_instances), len(gc.get_objects())))

signal.signal(signal.SIGUSR2, tell)
server.run(transport="streamable-http")
"#;

/// Python's SDK of the modern era.
pub const MODERN_PYTHON: &str = r#"
import sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("snake", version="4.5")

@server.tool()
def add(a: int, b: int) -> int:
    return a + b

server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
"#;

/// Node's SDK of the modern era, on its own HTTP server.
pub const MODERN_NODE: &str = r#"
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';

const handler = toNodeHandler(createMcpHandler(() => new McpServer({ name: 'modern', version: '1.2.3' }, { capabilities: { tools: {} } })));
const other = (question, answer) => answer.writeHead(404).end();
const serve = (question, answer) => (question.url === '/mcp' ? handler : other)(question, answer);
createServer(serve).listen(+process.env.PORT, '127.0.0.1');
"#;

/// server-everything, which writes down each session that begins and ends; what lives is counted after everything dead is gone.
pub const EVERYTHING: &str = r#"
let sessions = 0;
const log = console.log;
console.log = text => {
    sessions += text.startsWith('Session initialized') - text.startsWith('Transport closed');
    log(text);
};
process.on('SIGUSR2', () => { gc(); gc(); log('kept ' + sessions + ' ' + process.memoryUsage().heapUsed); });
process.argv[2] = 'streamableHttp';
await import('./node_modules/@modelcontextprotocol/server-everything/dist/index.js');
"#;
