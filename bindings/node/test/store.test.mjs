// Limits that processes share: whoever waits for the store, it is not the event loop.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { airlock, Firewall, Guard, PolicyError } from 'airlock-mcp';
import { z } from 'zod';
import { freePort, lack, redis } from './support/redis.mjs';
import { inMemory, serverV1, stdio } from './support/servers.mjs';

const skip = lack();
const tools = [{ name: 'pay', inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } }];
/** A policy with a limit at a server; by its `name`, so that a port that is used again is no server that lost its data. */
const limited = ({ url, name }, limit = '50/hour', more = {}) => ({ name, rate_limits: { '*': limit }, store: { redis: url, ...more } });

/** A listener that passes on to a server, until it is told to hang. */
async function wire(t, { url, name }) {
  const { port } = new URL(url);
  const state = { hangs: false, sockets: new Set() };
  const listener = createServer((socket) => {
    const other = connect(Number(port), '127.0.0.1');
    for (const [from, to] of [[socket, other], [other, socket]]) {
      state.sockets.add(from);
      from.on('data', (data) => state.hangs || to.write(data));
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => {
    for (const socket of state.sockets) socket.destroy();
    listener.close();
  });
  return Object.assign(state, { name, url: `redis://127.0.0.1:${listener.address().port}/` });
}

/** The result of `work`, and how often the event loop went round meanwhile. */
async function rounds(work) {
  let count = 0;
  const timer = setInterval(() => count++, 1);
  const result = await work;
  clearInterval(timer);
  return { result, count };
}

test('processes share a limit exactly', { skip }, async (t) => {
  const server = await redis(t);
  const run = promisify(execFile);
  const script = fileURLToPath(new URL('support/fleet.mjs', import.meta.url));
  const options = JSON.stringify({ tools, policy: limited(server) });
  const runs = await Promise.all([40, 40].map((calls) => run(process.execPath, [script, options, String(calls)])));
  const counts = runs.map(({ stdout }) => Number(stdout));
  assert.equal(counts[0] + counts[1], 50, String(counts));
  const firewall = new Firewall({ tools, policy: limited(server) });
  const refused = await firewall.callAsync('pay', '{"amount":1}', { agent: 'ann' });
  assert.equal(refused.reason, 'rate_limited');
  assert.ok(refused.refusal.retry_after_ms > 0);
  const cut = await firewall.callAsync('pay', Buffer.from('{"amount":1,"ghost":2}'), { agent: 'bob' });
  assert.deepEqual([cut.arguments, cut.stripped, cut.changed], ['{"amount":1}', ['/ghost'], true]);
  assert.equal(firewall.calls.running, 1);
  assert.equal(await cut.run((args) => args), '{"amount":1}');
  assert.equal(firewall.calls.ok, 1);
  assert.equal(firewall.call('pay', '{}', { agent: 'eve' }).allowed, true, 'whoever may wait asks as ever');
});

test('where the store is may stand elsewhere than in the policy', { skip }, async (t) => {
  const server = await redis(t);
  const { url, name } = server;
  const policy = { name, rate_limits: { '*': '1/hour' } };
  const ask = async (options) => (await new Firewall({ tools, ...options }).callAsync('pay', '{}')).allowed;
  assert.equal(await ask({ policy, redis: url }), true);
  assert.equal(await ask({ policy, redis: url }), false, 'another firewall, the same limit');
  process.env.AIRLOCK_REDIS_URL = url;
  t.after(() => delete process.env.AIRLOCK_REDIS_URL);
  assert.equal(await ask({ policy }), true, 'the variable alone moves no limits');
  assert.equal(await ask({ policy: { ...policy, store: {} } }), false);
  assert.throws(() => new Firewall({ tools, policy, redis: 'rediss://127.0.0.1/' }), PolicyError);
});

test('the event loop goes on while the store hangs, and the call is refused', { skip }, async (t) => {
  const through = await wire(t, await redis(t));
  const timeout = 1500;
  const firewall = await adopted(through, timeout);
  assert.equal((await firewall.call()).allowed, true);
  through.hangs = true;
  const began = performance.now();
  const { result, count } = await rounds(firewall.call());
  const waited = performance.now() - began;
  assert.deepEqual([result.reason, result.retry], ['rate_limited', null]);
  assert.ok(waited >= timeout, `the store was waited for: ${waited} ms`);
  assert.ok(count > 10, `the event loop went round ${count} times`);
});

/** A firewall whose store is reached through a listener of this thread. */
async function adopted(server, timeout_ms) {
  // It is made in another thread: to make it asks the store, and this one cannot wait for itself.
  const maker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const firewall = new (require('airlock-mcp').Firewall)(workerData);
     parentPort.postMessage(firewall.share());
     parentPort.on('message', () => process.exit(firewall.calls.running));`,
    { eval: true, workerData: { tools, policy: limited(server, '50/hour', { timeout_ms }) } },
  );
  const [number] = await once(maker, 'message');
  const firewall = Firewall.adopt(number);
  maker.postMessage('end');
  return {
    firewall,
    call: async () => {
      const verdict = await firewall.callAsync('pay', '{"amount":1}');
      if (verdict.allowed) return { allowed: true };
      return { reason: verdict.reason, retry: verdict.refusal.retry_after_ms };
    },
  };
}

test('a store that is lost refuses, or lets each process count alone, as the policy says', { skip }, async (t) => {
  for (const on_loss of ['refuse', 'fallback']) {
    const server = await redis(t);
    const firewall = new Firewall({ tools, policy: limited(server, '2/hour', { on_loss }) });
    assert.ok((await firewall.callAsync('pay', '{}')).allowed);
    await server.kill();
    const verdicts = [await firewall.callAsync('pay', '{}'), await firewall.callAsync('pay', '{}')];
    const reasons = verdicts.map((verdict) => (verdict.allowed ? 'ran' : verdict.reason));
    assert.deepEqual(reasons, [on_loss === 'refuse' ? 'rate_limited' : 'ran', 'rate_limited']);
    if (on_loss === 'refuse') assert.equal(verdicts[0].refusal.retry_after_ms, null);
  }
  const absent = new Firewall({ tools, policy: limited({ url: `redis://127.0.0.1:${await freePort()}/` }) });
  const refused = await absent.callAsync('pay', '{}');
  assert.deepEqual([refused.reason, refused.error().refusal.retry_after_ms], ['rate_limited', null]);
});

test('without a store a call is decided at once', async () => {
  const firewall = new Firewall({ tools, policy: { rate_limits: { pay: '1/hour' } } });
  const [first, second] = [firewall.callAsync('pay', '{}'), firewall.call('pay', '{}')];
  assert.equal(second.reason, 'rate_limited', 'the first was charged when it was asked');
  assert.ok((await first).allowed);
});

test('guarded servers share limits through the store, in memory and over stdio', { skip }, async (t) => {
  const server = await redis(t);
  const guards = [new Guard({ policy: limited(server, '3/hour') }), new Firewall({ policy: limited(server, '3/hour') })];
  const clients = await Promise.all(guards.map((guard) => inMemory(t, () => airlock(serverV1(), { guard }))));
  clients.push(await stdio(t, limited(server, '3/hour'), 'bytes.mjs'));
  const refund = async (client) => {
    const { isError, content } = await client.callTool({ name: 'refund', arguments: { order: 'A', amount: 1 } });
    return isError ? JSON.parse(content[0].text).reason : 'ran';
  };
  const outcomes = [];
  for (const client of [...clients, ...clients]) outcomes.push(await refund(client));
  assert.deepEqual(outcomes, [...Array(3).fill('ran'), ...Array(3).fill('rate_limited')]);
});

test('messages of a connection keep their order and their context, whoever waits for the store', { skip }, async (t) => {
  const server = await redis(t);
  const context = new AsyncLocalStorage();
  const seen = [];
  const build = () => {
    const order = new McpServer({ name: 'order', version: '1' });
    order.registerTool('note', { inputSchema: { n: z.number() } }, async ({ n }, { sendNotification }) => {
      seen.push([n, context.getStore()]);
      const params = { level: 'info', data: n };
      await sendNotification({ method: 'notifications/message', params });
      return { content: [{ type: 'text', text: String(n) }] };
    });
    order.server.registerCapabilities({ logging: {} });
    return order;
  };
  const guard = new Firewall({ policy: { ...limited(server, '1000/hour'), denied_tools: ['drop'] } });
  const [a, b] = InMemoryTransport.createLinkedPair();
  await airlock(build(), { guard }).connect(b);
  const received = [];
  a.onmessage = (message) => received.push(message);
  await a.start();
  const send = (message) => a.send({ jsonrpc: '2.0', ...message });
  await send({ id: 'init', method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'c', version: '1' } } });
  await send({ method: 'notifications/initialized' });
  const count = 50;
  for (let n = 0; n < count; n++) {
    await context.run(n, () => send({ id: n, method: 'tools/call', params: { name: 'note', arguments: { n } } }));
  }
  await send({ id: 'last', method: 'ping' });
  const until = Date.now() + 30_000;
  while (received.filter(({ id }) => typeof id === 'number').length < count) {
    assert.ok(Date.now() < until, 'all are answered');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.deepEqual(seen, Array.from({ length: count }, (_, n) => [n, n]));
  const results = received.filter(({ id }) => typeof id === 'number');
  assert.deepEqual(results.map(({ id }) => id), results.map((_, n) => n));
  for (const { id, result } of results) assert.equal(result.content[0].text, String(id));
  assert.deepEqual(received.filter(({ method }) => method === 'notifications/message').map(({ params }) => params.data), results.map((_, n) => n));
});

test('a server goes on while the store hangs: what was asked before is answered', { skip }, async (t) => {
  const through = await wire(t, await redis(t));
  const timeout = 1500;
  const { firewall } = await adopted(through, timeout);
  const client = await inMemory(t, () => airlock(serverV1(), { guard: firewall }));
  const call = () => client.callTool({ name: 'refund', arguments: { order: 'A', amount: 1 } });
  const first = await call();
  assert.equal(first.isError, undefined, JSON.stringify(first.content));
  through.hangs = true;
  const { result, count } = await rounds(call());
  assert.equal(JSON.parse(result.content[0].text).reason, 'rate_limited');
  assert.ok(count > 10, `the event loop went round ${count} times`);
  const listed = await client.listTools();
  assert.ok(listed.tools.length > 0, 'messages without limits go on');
});

test('a thread or a process that ends while it waits for the store ends cleanly', { skip }, async (t) => {
  const through = await wire(t, await redis(t));
  const script = fileURLToPath(new URL('support/leave.mjs', import.meta.url));
  const options = { tools, policy: limited(through, '50/hour', { timeout_ms: 3000 }) };
  const leaver = spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(leaver.stdout, 'data');
  through.hangs = true;
  leaver.stdin.write('go');
  assert.deepEqual(await once(leaver, 'exit'), [7, null]);
});
