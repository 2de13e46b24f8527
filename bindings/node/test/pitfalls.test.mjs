// What breaks guards of MCP servers, one test each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { airlock, AirlockError, Guard, PolicyError, secureTool } from 'airlock-mcp';
import { z } from 'zod';
import { http, inMemory, seen, serverV1, stdio } from './support/servers.mjs';
import { awsKey } from './support/secrets.mjs';

const quiet = { warn: () => {} };
// A document of its own: the preset permissive lets the server answer for tools that it does not list.
const guarded = (options) => airlock(serverV1(), { ...quiet, policy: {}, ...options });
const call = (client, name, args) => client.callTool({ name, arguments: args });
const text = (result) => result.content[0].text;

/** Waits until `find` returns something, and returns that: a minute is long enough for any machine. */
async function until(find, what) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(10)) {
    const found = find();
    if (found) return found;
  }
  throw new Error(what());
}

/** The raw end of a connection to `server`: what it sends is kept. */
async function raw(t, server, early = []) {
  const [mine, theirs] = InMemoryTransport.createLinkedPair();
  const got = [];
  mine.onmessage = (message) => got.push(message);
  await mine.start();
  for (const message of early) await mine.send(message);
  await server.connect(theirs);
  t.after(() => mine.close());
  const isReply = (id) => (message) => message.id === id && !message.method;
  return { mine, got, reply: (id) => until(() => got.find(isReply(id)), () => `not among ${JSON.stringify(got)}`) };
}
const request = (id, name, args) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } });

test('messages that wait before the server connects are guarded too', async (t) => {
  const { reply } = await raw(t, guarded({ policy: { denied_tools: ['delete_*'] } }), [
    request(1, 'delete_all', { sure: true }),
    request(2, 'refund', { order: 'a', amount: 1, ghost: 1 }),
  ]);
  assert.equal((await reply(1)).result._meta['airlock/refusal'].reason, 'tool_denied');
  assert.equal(JSON.parse(text((await reply(2)).result)).ghost, undefined);
});

test('tools whose list says nothing of their arguments keep working', async (t) => {
  const client = await inMemory(t, () => guarded());
  assert.equal(text(await call(client, 'union', { a: 'x' })), '{"a":"x"}');
  assert.equal(text(await call(client, 'bare', { anything: 1 })), 'bare');
});

test('null is not 0, though the tool would convert it', async (t) => {
  const client = await inMemory(t, () => guarded());
  const before = seen.length;
  for (const n of [null, [], '5']) assert.equal((await call(client, 'coerced', { n })).isError, true);
  assert.equal(seen.length, before);
  assert.equal(text(await call(client, 'coerced', { n: 5 })), '{"n":5}');
});

test('a client that holds results against the output schema accepts what is masked', async (t) => {
  const client = await inMemory(t, () => guarded());
  await client.listTools();
  const customer = await call(client, 'customer', {});
  assert.deepEqual(JSON.parse(text(customer)), customer.structuredContent, 'masked alike in both');
  assert.notEqual(customer.structuredContent.key, awsKey);
  const strict = await call(client, 'strict_output', {});
  assert.ok(!JSON.stringify(strict).includes(awsKey));
  assert.ok(strict.isError === true || /^AKIA/.test(strict.structuredContent.key));
});

test('an exempt tool is not masked', async (t) => {
  const client = await inMemory(t, () => guarded({ policy: { output: { leak: { mask: [] } } } }));
  assert.equal(text(await call(client, 'leak', {})), `key ${awsKey}`);
});

test('cancelled calls leave nothing behind, and one id is in flight once', async (t) => {
  const { mine, reply, got } = await raw(t, guarded());
  for (let id = 1; id <= 3000; id++) {
    void mine.send(request(id, 'slow', { ms: 300 }));
    void mine.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
    if (id % 100 === 0) await sleep(1);
  }
  await mine.send(request('last', 'refund', { order: 'a', amount: 1 }));
  assert.equal(JSON.parse(text((await reply('last')).result)).amount, 1);
  await mine.send(request('twice', 'slow', { ms: 40 }));
  await mine.send(request('twice', 'slow', { ms: 40 }));
  assert.equal((await reply('twice')).error.code, -32600);
  const replies = () => got.filter(({ id }) => id === 'twice').length;
  await until(() => replies() >= 2, () => 'no second reply');
  await sleep(50);
  assert.equal(replies(), 2);
});

test('a changed list of tools is learned before the next call', async (t) => {
  const server = guarded();
  const client = await inMemory(t, () => server);
  await assert.rejects(call(client, 'late', { n: 1 }), { code: -32602 });
  const told = new Promise((resolve) => client.setNotificationHandler(ToolListChangedNotificationSchema, resolve));
  server.registerTool('late', { inputSchema: { n: z.number() } }, async (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }));
  await told;
  assert.equal(text(await call(client, 'late', { n: 1, ghost: 2 })), '{"n":1}');
});

test('a batch over HTTP is guarded, element by element', async (t) => {
  const guard = new Guard({ policy: { denied_tools: ['delete_*'] } });
  const { url } = await http(t, () => airlock(serverV1(), { guard, ...quiet }), { stateful: false });
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify([request(1, 'refund', { order: 'a', amount: 1, ghost: 1 }), request(2, 'delete_all', { sure: true })]),
  });
  const body = await response.text();
  assert.ok(!body.includes('ghost'));
  assert.ok(!seen.some(({ name }) => name === 'delete_all'));
  if (response.ok) assert.match(body, /tool_denied/);
});

test('an id may be a string, zero or empty', async (t) => {
  const { mine, reply } = await raw(t, guarded());
  for (const id of [0, '', '1', -1, 'airlock']) {
    await mine.send(request(id, 'refund', { order: 'a', amount: '1' }));
    assert.equal((await reply(id)).result.isError, true);
  }
});

test('a message that is no JSON gets an error, and the server goes on', async (t) => {
  const { mine, reply } = await raw(t, guarded());
  await mine.send(request(1, 'refund', { order: 'a', amount: 10n }));
  assert.equal((await reply(1)).error.code, -32603);
  const loop = {};
  loop.loop = loop;
  await mine.send(request(2, 'refund', loop));
  assert.equal((await reply(2)).error.code, -32603);
  await mine.send(request(3, 'refund', { order: '\ud800', amount: 1 }));
  assert.ok((await reply(3)).error, 'half a character');
  await mine.send(request(4, 'refund', JSON.parse('{"order":"a","amount":1,"__proto__":{"x":1}}')));
  assert.equal(JSON.parse(text((await reply(4)).result)).amount, 1);
  await mine.send({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: '__proto__', arguments: {} } });
  assert.equal((await reply(5)).error.code, -32602);
});

test('a server is guarded once, and before it connects', async (t) => {
  const server = guarded();
  assert.throws(() => airlock(server, quiet), AirlockError);
  const late = serverV1();
  await late.connect(InMemoryTransport.createLinkedPair()[0]);
  t.after(() => late.close());
  assert.throws(() => airlock(late, quiet), /before it connects/);
  assert.throws(() => airlock({}, quiet), TypeError);
  assert.throws(() => airlock(serverV1(), { policy: 'no/such.toml' }), PolicyError);
});

test('the operator hears once of no policy, and once of a first strip', async (t) => {
  const lines = [];
  const server = airlock(serverV1(), { warn: (line) => lines.push(line) });
  assert.equal(lines.length, 1);
  assert.match(lines[0], /no policy/);
  const client = await inMemory(t, () => server);
  for (let n = 0; n < 3; n++) await call(client, 'refund', { order: 'a', amount: 1, 'gh\u001bost': 1 });
  assert.equal(lines.length, 2);
  assert.match(lines[1], /cut "\/gh\\\\?u001bost" from a call of "refund"|cut ".*" from a call of "refund"/);
  assert.ok(!lines[1].includes('\u001b'));
  const piped = await stdio(t, null);
  await call(piped, 'refund', { order: 'a', amount: 1, ghost: 1 });
  await call(piped, 'refund', { order: 'a', amount: 1, ghost: 1 });
  // What is said on standard error comes by another pipe than the answers.
  const said = () => piped.stderr().match(/airlock: /g)?.length ?? 0;
  await until(() => said() >= 2, piped.stderr);
  await sleep(50);
  assert.equal(said(), 2, piped.stderr());
});

test('every decision is told to whoever listens', async (t) => {
  const events = [];
  const client = await inMemory(t, () => guarded({ policy: { denied_tools: ['delete_*'] }, agent: 'ann', onEvent: (event) => events.push(event) }));
  await call(client, 'refund', { order: 'a', amount: 1, ghost: 1 });
  await call(client, 'delete_all', { sure: true });
  await call(client, 'leak', {});
  const told = events.map(({ outcome, tool, stripped, reason, agent }) => ({ outcome, tool, stripped, reason, agent }));
  assert.ok(told.some(({ outcome, stripped, agent }) => outcome === 'allowed' && stripped[0] === '/ghost' && agent === 'ann'));
  assert.ok(told.some(({ outcome, reason }) => outcome === 'refused' && reason === 'tool_denied'));
  assert.ok(events.some(({ outcome, masked }) => outcome === 'filtered' && masked === 1));
  assert.ok(!JSON.stringify(events).includes(awsKey));
});

test('limits count over connections, because the guard counts', async (t) => {
  const guard = new Guard({ policy: { rate_limits: { refund: '2/day' } } });
  const results = [];
  for (let n = 0; n < 3; n++) {
    const client = await inMemory(t, () => guarded({ guard }));
    results.push(await call(client, 'refund', { order: 'a', amount: 1 }));
  }
  assert.deepEqual(results.map(({ isError }) => isError === true), [false, false, true]);
  assert.equal(results[2]._meta['airlock/refusal'].reason, 'rate_limited');
});

test('who calls is what the host has verified', async (t) => {
  const policy = { rule: [{ id: 'a', effect: 'allow', tools: ['*'], agents: ['ann'] }] };
  const server = guarded({ policy });
  const { mine, reply } = await raw(t, server);
  await mine.send(request(1, 'refund', { order: 'a', amount: 1 }), { authInfo: { clientId: 'ann', token: '', scopes: [] } });
  assert.equal((await reply(1)).result.isError, undefined);
  await mine.send(request(2, 'refund', { order: 'a', amount: 1 }), { authInfo: { clientId: 'bob', token: '', scopes: [] } });
  assert.equal((await reply(2)).result.isError, true);
  await mine.send(request(3, 'refund', { order: 'a', amount: 1 }));
  assert.equal((await reply(3)).result.isError, true, 'nobody');
});

test('one secured tool of a server of SDK v1', async (t) => {
  const server = serverV1();
  secureTool(server, 'pay', { inputSchema: { n: z.coerce.number() } }, async (args) => ({ content: [{ type: 'text', text: `${JSON.stringify(args)} ${awsKey}` }] }), quiet);
  const client = await inMemory(t, () => server);
  const paid = text(await call(client, 'pay', { n: 1, ghost: 1 }));
  assert.ok(paid.startsWith('{"n":1} ') && !paid.includes(awsKey));
  assert.equal((await call(client, 'pay', { n: '1' })).isError, true);
  assert.equal(text(await call(client, 'leak', {})), `key ${awsKey}`);
  assert.equal(text(await call(client, 'coerced', { n: '1' })), '{"n":1}');
});

test('a server without tools answers as before', async (t) => {
  const server = airlock(new McpServer({ name: 'none', version: '1' }), { policy: {}, ...quiet });
  const client = await inMemory(t, () => server);
  await assert.rejects(call(client, 'x', {}), { code: -32602 });
  await client.ping();
});

test('a tool that coerces takes another spelling, repaired before it is checked; the others stay strict', async (t) => {
  const events = [];
  const options = { coerce: ['coerced'], onEvent: (event) => events.push(event), ...quiet };
  const client = await inMemory(t, () => airlock(serverV1(), { policy: 'permissive', ...options }));
  assert.equal(text(await call(client, 'coerced', { n: '5' })), '{"n":5}');
  assert.deepEqual(events.find(({ repaired }) => repaired?.length)?.repaired, ['/n']);
  for (const n of [null, '', [], true]) {
    assert.equal((await call(client, 'coerced', { n }))._meta['airlock/refusal'].reason, 'validation_failed', `${n}`);
  }
  assert.equal((await call(client, 'refund', { order: 'a', amount: '5' })).isError, true);
  const guard = new Guard({ coerce: true });
  assert.throws(() => airlock(serverV1(), { guard, coerce: true }), AirlockError);
});

test('each secured tool says for itself whether it coerces', async (t) => {
  const server = serverV1();
  const secure = (name, options) =>
    secureTool(server, name, { inputSchema: { n: z.coerce.number() } }, async (args) => ({ content: [{ type: 'text', text: JSON.stringify(args) }] }), { ...quiet, ...options });
  secure('strict', {});
  secure('loose', { coerce: true });
  secure('looser', { coerce: 'loose?' });
  const client = await inMemory(t, () => server);
  assert.equal((await call(client, 'strict', { n: '5' })).isError, true);
  assert.equal(text(await call(client, 'loose', { n: '5' })), '{"n":5}');
  assert.equal(text(await call(client, 'looser', { n: '5' })), '{"n":5}');
  assert.throws(() => secure('late', { coerce: true }), AirlockError);
});
