// The bytes of requests over HTTP, before an SDK has parsed them.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { airlock, Guard } from 'airlock-mcp';
import { rawBody, rawFetch } from 'airlock-mcp/http';
import { z } from 'zod';
import { seen, serverV1 } from './support/servers.mjs';

const policy = {
  rule: [
    { id: 'small', effect: 'allow', tools: ['slow'], when: { 'args.ms': { le: '9007199254740992' } } },
    { id: 'rest', effect: 'allow', tools: ['refund'] },
  ],
};
const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const call = (id, args, name = 'refund') => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}","arguments":${args}}}`;
const one = (body) => JSON.parse(/^data: (.*)$/m.exec(body)?.[1] ?? body);

/** What is seen of bytes that an SDK would have read in one way of several. */
async function behaves(post) {
  const fine = one(await (await post(call(1, '{"order":"a","amount":1,"ghost":2}'))).text());
  assert.deepEqual(JSON.parse(fine.result.content[0].text), { order: 'a', amount: 1 });
  const twice = one(await (await post(call(2, '{"order":"a","amount":1,"amount":2}'))).text());
  assert.ok(twice.error, JSON.stringify(twice));
  // JSON.parse makes 9007199254740992 of it, which the rule would allow.
  const big = one(await (await post(call(3, '{"ms":9007199254740993}', 'slow'))).text());
  assert.equal(big.result._meta['airlock/refusal'].reason, 'condition_failed', JSON.stringify(big));
  assert.equal((await post('{"jsonrpc":')).status, 400);
}

async function listen(t, handle) {
  const listener = createServer(handle);
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => listener.close());
  const url = `http://127.0.0.1:${listener.address().port}/mcp`;
  return (body, more = {}) => fetch(url, { method: 'POST', headers: { ...headers, ...more }, body });
}

function stateless(t, use) {
  const guard = new Guard({ policy });
  return listen(t, (request, response) =>
    use(request, response, async () => {
      const server = airlock(serverV1(), { guard, warn() {} });
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      response.on('close', () => server.close());
      await server.connect(transport);
      await transport.handleRequest(request, response, request.body);
    }));
}

test('SDK v1: the guard sees the bytes, where the parsed body hides them', async (t) => {
  const post = await stateless(t, rawBody());
  await behaves(post);
  assert.equal((await post(gzipSync(call(1, '{}')), { 'content-encoding': 'gzip' })).status, 415);
  // Without the middleware the last of two keys is all that is left: this is what it is for.
  const plain = await stateless(t, (request, response, next) => next());
  assert.ok(one(await (await plain(call(2, '{"order":"a","amount":1,"amount":2}'))).text()).result);
});

test('SDK v1: each element of a batch is decided on by its own bytes', async (t) => {
  const post = await stateless(t, rawBody());
  seen.length = 0;
  const batch = `[${call(1, '{"order":"a","amount":7}')}, ${call(2, '{"ms":9007199254740993}', 'slow')}]`;
  const body = await (await post(batch)).text();
  assert.match(body, /condition_failed/);
  assert.deepEqual(seen.map(({ args }) => args.order), ['a']);
  const broken = await (await post(`[${call(1, '{"order":"c","amount":1,"amount":2}')}]`)).text();
  assert.match(broken, /-32603/);
  assert.equal(seen.length, 1);
});

test('SDK v2: a handler of web-standard requests', async () => {
  const guard = new Guard({ policy });
  const build = () => {
    const server = new McpServer({ name: 'shop', version: '2' });
    const inputSchema = z.object({ order: z.string(), amount: z.number().int() });
    server.registerTool('refund', { inputSchema }, async (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }));
    server.registerTool('slow', { inputSchema: z.object({ ms: z.number() }) }, async () => ({ content: [] }));
    return airlock(server, { guard, warn() {} });
  };
  const handler = createMcpHandler(build);
  const handle = rawFetch((request) => handler.fetch(request));
  await behaves((body) => handle(new Request('http://localhost/mcp', { method: 'POST', headers, body })));
});
