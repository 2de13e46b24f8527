// Memory stays flat over a million calls: `cargo xtask test node-long`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { airlock, Firewall, Guard } from 'airlock-mcp';
import { serverV1 } from './support/servers.mjs';

const collect = globalThis.gc ?? (await import('node:v8').then(async ({ setFlagsFromString }) => {
  setFlagsFromString('--expose-gc');
  const { runInNewContext } = await import('node:vm');
  return runInNewContext('gc');
}));

/** Megabytes of this process that are in memory, after the addon's finalizers have run. */
async function resident() {
  for (let n = 0; n < 2; n++) {
    collect();
    await setImmediate();
  }
  return process.memoryUsage.rss() / 1e6;
}

/** Runs `round` six times; the last leaves no more than the first ones, between which V8 sizes its heap. */
async function flat(round) {
  const after = [];
  for (let n = 0; n < 6; n++) {
    await round();
    after.push(await resident());
  }
  const told = after.map((megabytes) => megabytes.toFixed(1)).join(', ');
  assert.ok(after.at(-1) < Math.max(...after.slice(0, 3)) + 8, told);
}

test('a million checks, and outputs', async () => {
  const guard = new Guard({ tools: [{ name: 'pay', inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } }] });
  await flat(() => {
    for (let n = 0; n < 200_000; n++) {
      guard.check('pay', `{"amount":${n}}`);
      if (n % 4 === 0) guard.check('pay', `{"amount":${n},"ghost":1}`).stripped.length;
      if (n % 4 === 1) guard.check('pay', `{"amount":"${n}"}`).text.length;
      if (n % 64 === 2) guard.filter('pay', `mail ann@example.com ${n} `.repeat(50));
      if (n % 4096 === 3) guard.check(`unknown ${n}`, '{}', { agent: `agent ${n}` });
    }
  });
});

test('thousands of connections and guards', async () => {
  const guard = new Guard({ policy: { denied_tools: ['delete_*'] } });
  await flat(async () => {
    for (let n = 0; n < 2000; n++) {
      const [mine, theirs] = InMemoryTransport.createLinkedPair();
      const server = airlock(serverV1(), { guard, warn() {} });
      const answered = new Promise((resolve) => (mine.onmessage = resolve));
      await mine.start();
      await server.connect(theirs);
      await mine.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'refund', arguments: { order: 'a', amount: 1 } } });
      await answered;
      await mine.close();
      if (n % 10 === 0) new Guard({ policy: 'permissive' });
      if (n % 100 === 0) await setImmediate();
    }
  });
});

test('a million permits, half of which nobody finishes', async () => {
  const firewall = new Firewall({ tools: [{ name: 'pay', inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } }] });
  await flat(async () => {
    for (let n = 0; n < 200_000; n++) {
      const verdict = firewall.call('pay', `{"amount":${n}}`);
      if (n % 2 === 0) verdict.finish('ok');
      if (n % 1000 === 0) await setImmediate();
    }
  });
  const { running, ok, unknown } = firewall.calls;
  assert.equal(ok, 600_000);
  assert.ok(running < 100_000 && unknown > 500_000, `${running} still run`);
});
