// The official SDK v2: its client, a guarded server, both eras of the protocol.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, InMemoryTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { airlock, Guard, secureTool } from 'airlock-mcp';
import { z } from 'zod';
import { awsKey } from './support/secrets.mjs';
import { server } from './support/v2.mjs';

const policy = { denied_tools: ['delete_*'] };
const quiet = { warn: () => {} };

async function behaves(client) {
  const call = (name, args) => client.callTool({ name, arguments: args });
  const cut = await call('refund', { order: 'a1', amount: 5, reason: 'made up' });
  assert.deepEqual(JSON.parse(cut.content[0].text), { order: 'a1', amount: 5 });
  const wrong = await call('refund', { order: 'a1', amount: '5' });
  assert.equal(wrong.isError, true);
  assert.equal(wrong._meta['airlock/refusal'].reason, 'validation_failed');
  assert.equal((await call('delete_all', {}))._meta['airlock/refusal'].reason, 'tool_denied');
  assert.ok(!JSON.stringify(await call('leak', {})).includes(awsKey));
  assert.equal((await client.listTools()).tools.length, 3);
  await assert.rejects(call('nosuch', {}), { code: -32602 });
}

test('in memory', async (t) => {
  const [a, b] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' });
  await Promise.all([airlock(server(), { policy, ...quiet }).connect(b), client.connect(a)]);
  t.after(() => client.close());
  await behaves(client);
});

for (const [era, mode] of [['legacy', 'legacy'], ['modern', 'auto']]) {
  test(`a handler that makes a server for each request, ${era} era`, async (t) => {
    const guard = new Guard({ policy });
    const handler = createMcpHandler(() => airlock(server(), { guard, ...quiet }));
    const fetch = async (url, init) => handler.fetch(new Request(url, init));
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StreamableHTTPClientTransport(new URL('http://localhost/mcp'), { fetch }));
    t.after(() => client.close());
    t.diagnostic(`protocol ${client.getNegotiatedProtocolVersion?.()}`);
    await behaves(client);
  });
}

for (const [era, mode] of [['legacy', 'legacy'], ['modern', 'auto']]) {
  test(`serveStdio, ${era} era`, async (t) => {
    const path = fileURLToPath(new URL('support/serve.mjs', import.meta.url));
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(new StdioClientTransport({ command: process.execPath, args: [path, JSON.stringify(policy)] }));
    t.after(() => client.close());
    assert.equal(client.getNegotiatedProtocolVersion() >= '2026-07-28', era === 'modern');
    await behaves(client);
  });
}

test('one tool, and the others as they are', async (t) => {
  const [a, b] = InMemoryTransport.createLinkedPair();
  const client = new Client({ name: 'test', version: '1' });
  const one = server();
  const schema = z.object({ to: z.string(), n: z.coerce.number() });
  secureTool(one, 'send', { inputSchema: schema }, async (args) => ({ content: [{ type: 'text', text: JSON.stringify({ ...args, key: awsKey }) }] }), quiet);
  await Promise.all([one.connect(b), client.connect(a)]);
  t.after(() => client.close());
  const call = (name, args) => client.callTool({ name, arguments: args });
  const sent = await call('send', { to: 'x', n: 1, ghost: 1 });
  assert.ok(!sent.content[0].text.includes(awsKey));
  assert.equal((await call('send', { to: 'x', n: '1' })).isError, true);
  assert.ok((await call('leak', {})).content[0].text.includes(awsKey), 'not guarded');
  assert.equal((await client.listTools()).tools.length, 4);
});

test('a guarded schema: strict, cut, and the list of tools unchanged', async (t) => {
  const guard = new Guard({ policy });
  const schema = z.object({ amount: z.number().int().default(3), order: z.coerce.string() });
  const plain = new McpServer({ name: 'a', version: '1' });
  const strict = new McpServer({ name: 'a', version: '1' });
  const handler = async (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] });
  plain.registerTool('refund', { inputSchema: schema }, handler);
  strict.registerTool('refund', { inputSchema: guard.schema(schema, 'refund') }, handler);
  const connect = async (server) => {
    const [a, b] = InMemoryTransport.createLinkedPair();
    const client = new Client({ name: 'test', version: '1' });
    await Promise.all([server.connect(b), client.connect(a)]);
    t.after(() => client.close());
    return client;
  };
  const [one, two] = await Promise.all([connect(plain), connect(strict)]);
  assert.deepEqual((await two.listTools()).tools, (await one.listTools()).tools);
  const call = (client, args) => client.callTool({ name: 'refund', arguments: args });
  assert.equal((await call(one, { order: 7 })).content[0].text, '{"amount":3,"order":"7"}');
  const wrong = await call(two, { order: 7 });
  assert.equal(wrong.isError, true);
  assert.match(wrong.content[0].text, /order must be a string/);
  assert.equal((await call(two, { order: 'x', ghost: 1 })).content[0].text, '{"amount":3,"order":"x"}');
});
