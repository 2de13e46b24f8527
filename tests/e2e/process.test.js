// What becomes of the processes: exit codes, signals, and no server left behind.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { behind, fake, folder } from './lib/paths.js';
import { wire } from './lib/wire.js';

/** A process as its id and the moment it started at, for its id may be given to another one. */
const known = (pid) => ({ pid, started: fields(pid)[19] });

/** What the system says of a process, from its state on; nothing when there is none. */
function fields(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ');
  } catch {
    return [];
  }
}

/** Whether a process is there and no zombie. */
function runs({ pid, started }) {
  const [state, ...rest] = fields(pid);
  return state !== undefined && state !== 'Z' && rest[18] === started;
}

/** Starts the scripted server behind Airlock; `pids` are those of the server and of its own child. */
async function start(t, ...options) {
  const file = join(folder(t), 'pids');
  const client = wire(t, behind('permissive', fake('--pids', file, ...options)));
  await client.initialize();
  const pids = readFileSync(file, 'utf8').split(' ').map(Number).map(known);
  t.after(() => pids.filter(runs).forEach(({ pid }) => process.kill(pid, 'SIGKILL')));
  return { client, pids };
}

async function assertGone(pids) {
  const end = Date.now() + 60_000;
  while (pids.some(runs) && Date.now() < end) await sleep(20);
  assert.deepEqual(pids.filter(runs), [], 'left behind');
}

test('the end of input ends the server, and its exit code is ours', async (t) => {
  const { client, pids: [server] } = await start(t, '--eof', '3');
  // Had it to be killed, the code were another.
  assert.deepEqual(await client.finish(), { code: 3, signal: null });
  await assertGone([server]);
});

test('a last line without its newline is still guarded and answered', async (t) => {
  const log = join(folder(t), 'read.log');
  const client = wire(t, behind('permissive', fake('--log', log)));
  await client.initialize();
  await client.request('tools/list', {});
  client.write('{"jsonrpc":"2.0","id":50,"method":"tools/call","params":{"name":"echo","arguments":{"ghost":1}}}');
  await client.finish();
  const last = readFileSync(log, 'utf8').trimEnd().split('\n').at(-1);
  assert.equal(last, '{"jsonrpc":"2.0","id":50,"method":"tools/call","params":{"name":"echo","arguments":{}}}');
});

// Clients close standard input, send SIGTERM two seconds later and SIGKILL another two seconds later.
for (const [what, options, patience] of [
  ['the end of input', [], 2000],
  ['the end of input and SIGTERM', ['--deaf'], 4000],
]) {
  test(`a server that ignores ${what} is ended before the client kills`, async (t) => {
    // A machine that is busy for a moment is not for three times.
    const took = [];
    do {
      const { client, pids } = await start(t, '--eof', 'ignore', ...options);
      const began = Date.now();
      await client.finish();
      took.push(Date.now() - began);
      await assertGone(pids);
    } while (took.at(-1) >= patience && took.length < 3);
    assert.ok(took.at(-1) < patience, `${took} ms`);
  });
}

test('a server that ends by itself ends us with its code', async (t) => {
  const { client } = await start(t);
  client.send({ jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'exit', arguments: { code: 7 } } });
  assert.deepEqual(await client.ended(), { code: 7, signal: null });
});

for (const [signal, number] of [['SIGTERM', 15], ['SIGINT', 2], ['SIGHUP', 1]]) {
  test(`${signal} ends the server and what it started`, async (t) => {
    const { client, pids } = await start(t);
    client.child.kill(signal);
    const { code, signal: killed } = await client.ended();
    // Either way of saying it is fine; a shell shows both as 128 + n.
    assert.ok(code === 128 + number || killed === signal, `${code} ${killed}`);
    await assertGone(pids);
  });
}

test('SIGTERM ends a server that ignores it', async (t) => {
  const { client, pids } = await start(t, '--deaf', '--eof', 'ignore');
  client.child.kill('SIGTERM');
  await client.ended();
  await assertGone(pids);
});

test('SIGKILL of Airlock leaves no server', async (t) => {
  const { client, pids: [server] } = await start(t, '--eof', 'ignore');
  client.child.kill('SIGKILL');
  await client.ended();
  await assertGone([server]);
});

test('a command that does not exist is said on standard error', async (t) => {
  const client = wire(t, behind('permissive', ['no-such-mcp-server']));
  assert.deepEqual(await client.ended(), { code: 127, signal: null });
  assert.match(client.stderr, /no-such-mcp-server/);
  assert.deepEqual(client.lines, []);
});

test('a policy that cannot be read starts nothing', async (t) => {
  const pids = join(folder(t), 'pids');
  const client = wire(t, behind('/no/such/policy.toml', fake('--pids', pids)));
  const { code } = await client.ended();
  assert.notEqual(code, 0);
  assert.match(client.stderr, /policy\.toml/);
  assert.equal(existsSync(pids), false);
});

test("the server's standard error is passed through", async (t) => {
  const client = wire(t, behind('permissive', fake('--stderr', 'hello from the server')));
  await client.initialize();
  await client.until(() => client.stderr.includes('hello from the server'), 'standard error');
});

test('a probe that is cut off after one message leaves nothing', async (t) => {
  const { client, pids } = await start(t, '--eof', 'ignore');
  client.send({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: {} });
  client.child.kill('SIGTERM');
  await client.ended();
  await assertGone(pids);
});
