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

/// The same, which counts what it does as the guide has it: with prom-client, under the guide's names.
pub const COUNTING: &str = r#"
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server';
import prometheus from 'prom-client';

const register = new prometheus.Registry();
prometheus.collectDefaultMetrics({ register });
const counter = (name, ...labelNames) => new prometheus.Counter({ name, help: name, labelNames, registers: [register] });
const duration = new prometheus.Histogram({
    name: 'http_request_duration_ms', help: 'Duration of HTTP requests in ms', labelNames: ['method', 'route', 'status_code'],
    buckets: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000], registers: [register],
});
const tools = counter('mcp_tool_invocations_total', 'tool_id', 'status');
const hits = counter('mcp_cache_hits_total', 'cache_type'), misses = counter('mcp_cache_misses_total', 'cache_type');
let known = 0;
const make = () => {
    const server = new McpServer({ name: 'counting', version: '1.0.0' }, { capabilities: { tools: {} } });
    server.registerTool('time', { description: 'tells the time' }, async () => {
        (known++ % 4 ? hits : misses).labels('time').inc();
        tools.labels('time', 'success').inc();
        return { content: [{ type: 'text', text: new Date().toISOString() }] };
    });
    return server;
};
const handler = toNodeHandler(createMcpHandler(make));
const serve = async (question, answer) => {
    const from = Date.now();
    answer.on('finish', () => duration.labels(question.method, question.url, String(answer.statusCode)).observe(Date.now() - from));
    if (question.url === '/metrics') return answer.setHeader('Content-Type', register.contentType).end(await register.metrics());
    if (question.url === '/mcp') return handler(question, answer);
    answer.writeHead(question.url === '/broken' ? 500 : 404).end();
};
createServer(serve).listen(+process.env.PORT, '127.0.0.1');
"#;
