// Servers and clients of both SDKs, joined by every transport that users have.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { awsKey } from './secrets.mjs';

/** What the handlers of a server got to see, in order. */
export const seen = [];

/** An McpServer of SDK v1 with a tool for each thing that goes wrong. */
export function serverV1() {
  const server = new McpServer({ name: 'shop', version: '1' }, { capabilities: { logging: {} } });
  const text = (value) => ({ content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }] });
  const tool = (name, config, answer = text) =>
    server.registerTool(name, config, (args, extra) => {
      seen.push({ name, args });
      return answer(args, extra);
    });
  tool('refund', { inputSchema: { order: z.string(), amount: z.number().int() } });
  tool('coerced', { inputSchema: { n: z.coerce.number() } });
  tool('union', { inputSchema: z.union([z.object({ a: z.string() }), z.object({ b: z.number() })]) });
  server.registerTool('bare', {}, (extra) => {
    seen.push({ name: 'bare', args: extra.requestId });
    return text('bare');
  });
  tool('delete_all', { inputSchema: { sure: z.boolean() } });
  tool('leak', { inputSchema: {} }, () => text(`key ${awsKey}`));
  tool('broken', { inputSchema: {} }, () => {
    throw new Error(`cannot open with ${awsKey}`);
  });
  tool(
    'customer',
    { inputSchema: {}, outputSchema: { name: z.string(), key: z.string() } },
    () => ({ content: [{ type: 'text', text: JSON.stringify({ name: 'Ann', key: awsKey }) }], structuredContent: { name: 'Ann', key: awsKey } }),
  );
  tool(
    'strict_output',
    { inputSchema: {}, outputSchema: { key: z.string().length(20).regex(/^AKIA[A-Z2-7]{16}$/) } },
    () => ({ content: [{ type: 'text', text: awsKey }], structuredContent: { key: awsKey } }),
  );
  tool('slow', { inputSchema: { ms: z.number() } }, async ({ ms }, extra) => {
    for (let step = 1; step <= 2; step++) {
      await new Promise((resolve) => setTimeout(resolve, ms / 2));
      if (extra._meta?.progressToken !== undefined) {
        const params = { progressToken: extra._meta.progressToken, progress: step, total: 2 };
        await extra.sendNotification({ method: 'notifications/progress', params });
      }
    }
    return text('done');
  });
  server.registerResource('config', 'config://main', {}, () => ({
    contents: [{ uri: 'config://main', text: `aws ${awsKey}` }],
  }));
  return server;
}

const client = () => new Client({ name: 'test', version: '1' });

/** In one process, without a wire. */
export async function inMemory(t, make) {
  const [a, b] = InMemoryTransport.createLinkedPair();
  const [server, one] = [make(), client()];
  await Promise.all([server.connect(b), one.connect(a)]);
  t.after(() => one.close());
  return one;
}

/** A process of its own; `policy` goes to test/support/stdio.mjs. */
export async function stdio(t, policy, script = 'stdio.mjs') {
  const one = client();
  const path = fileURLToPath(new URL(script, import.meta.url));
  const transport = new StdioClientTransport({ command: process.execPath, args: [path, JSON.stringify(policy)], stderr: 'pipe' });
  let stderr = '';
  transport.stderr.on('data', (chunk) => (stderr += chunk));
  await one.connect(transport);
  t.after(() => one.close());
  return Object.assign(one, { stderr: () => stderr });
}

/** Streamable HTTP: with sessions, or a new server for each request. */
export async function http(t, make, { stateful }) {
  const sessions = new Map();
  const listener = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : undefined;
    let transport = sessions.get(request.headers['mcp-session-id']);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: stateful ? randomUUID : undefined,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      const server = make();
      if (!stateful) response.on('close', () => server.close());
      await server.connect(transport);
    }
    await transport.handleRequest(request, response, body);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = new URL(`http://127.0.0.1:${listener.address().port}/mcp`);
  const one = client();
  await one.connect(new StreamableHTTPClientTransport(url));
  t.after(async () => {
    await one.close();
    listener.closeAllConnections();
    listener.close();
  });
  return Object.assign(one, { url });
}
