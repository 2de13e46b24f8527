// A policy that is changed while it is in force.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { airlock, Firewall, PolicyError } from 'airlock-mcp';
import { inMemory, serverV1 } from './support/servers.mjs';

const tools = ['pay', 'drop'].map((name) => ({ name, inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } }));

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'airlock-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('limits count on, sessions remember, and what has begun ends as it began', () => {
  const rule = [
    { id: 'once', effect: 'allow', tools: ['drop'], once: 'args.amount' },
    { id: 'always', effect: 'allow', tools: ['pay'] },
  ];
  const firewall = new Firewall({ tools, policy: { rate_limits: { pay: '3/hour' }, rule } });
  const drop = () => firewall.call('drop', '{"amount":1}', { session: 's' });
  const [begun, dropped] = [firewall.call('pay', '{}'), drop()];
  assert.ok(begun.allowed && dropped.allowed);
  dropped.finish('ok');
  firewall.reload({ policy: { rate_limits: { pay: '2/hour' }, rule } });
  begun.finish('ok');
  assert.deepEqual([firewall.call('pay', '{}').allowed, firewall.call('pay', '{}').reason], [true, 'rate_limited']);
  assert.equal(drop().reason, 'session_rule');
  assert.equal(firewall.calls.ok, 2);
});

test('a policy that cannot be honoured changes nothing', (t) => {
  const audit = join(folder(t), 'audit.jsonl');
  const firewall = new Firewall({ tools, audit, policy: { denied_tools: ['drop'], rate_limits: { pay: '1/hour' } } });
  assert.ok(firewall.call('pay', '{}').allowed);
  for (const bad of [
    { toml: '# one\nalowed_tools = []' },
    { policy: { output: { '*': { mask: ['pii.core'], style: 'hash' } } } },
    { policy: '/no/such/policy.toml' },
    { policy: { store: { redis: 'redis://127.0.0.1:1/' } } },
  ]) {
    assert.throws(() => firewall.reload(bad), PolicyError);
    assert.equal(firewall.call('drop', '{}').reason, 'tool_denied');
    assert.equal(firewall.call('pay', '{}').reason, 'rate_limited');
  }
  assert.throws(() => firewall.reload({ toml: '# one\nalowed_tools = []' }), /2:/, 'the place is said');
  assert.match(readFileSync(audit, 'utf8'), /alowed_tools/, 'the operator can see that it was tried');
});

test('a file is read again, with what the host said of it', (t) => {
  const policy = join(folder(t), 'policy.toml');
  writeFileSync(policy, '');
  const firewall = new Firewall({ tools, policy, coerce: 'pay' });
  assert.ok(firewall.call('drop', '{}').allowed);
  writeFileSync(policy, 'denied_tools = ["drop"]');
  firewall.reload();
  assert.equal(firewall.call('drop', '{}').reason, 'tool_denied');
  assert.equal(firewall.call('pay', '{"amount":"7"}').arguments, '{"amount":7}', 'coerced as before');
  firewall.reload({ toml: 'denied_tools = ["pay"]' });
  firewall.reload();
  assert.equal(firewall.call('pay', '{}').reason, 'tool_denied', 'the text that is in force, not the file');
  firewall.reload({ policy });
  assert.ok(firewall.call('pay', '{}').allowed);
});

test('what an agent may do is what the policy in force says, not the one under which it came', () => {
  const policy = (roles) => ({ agents: { ann: { roles } }, rule: [{ id: 'admins', effect: 'allow', tools: ['drop'], roles: ['admin'] }] });
  const firewall = new Firewall({ tools, policy: policy(['admin']) });
  const drop = () => firewall.call('drop', '{}', { agent: 'ann' });
  assert.ok(drop().allowed);
  firewall.reload({ policy: policy(['guest']) });
  assert.equal(drop().allowed, false);
});

test('a server that runs goes over to it with the next message, and keeps its tools and counters', async (t) => {
  const firewall = new Firewall({ policy: { rate_limits: { refund: '2/hour' } } });
  const client = await inMemory(t, () => airlock(serverV1(), { guard: firewall }));
  const refund = async () => {
    const { isError, content } = await client.callTool({ name: 'refund', arguments: { order: 'A', amount: 1 } });
    return isError ? JSON.parse(content[0].text).reason : 'ran';
  };
  const remove = async () => (await client.callTool({ name: 'delete_all', arguments: { sure: true } })).isError ?? false;
  assert.deepEqual([await refund(), await remove()], ['ran', false]);
  firewall.reload({ policy: { denied_tools: ['delete_*'], rate_limits: { refund: '2/hour' } } });
  assert.deepEqual([await remove(), await refund(), await refund()], [true, 'ran', 'rate_limited']);
  assert.throws(() => firewall.reload({ toml: 'nope = 1' }), PolicyError);
  assert.equal(await remove(), true);
  firewall.halt();
  assert.equal(await refund(), 'halted', 'the switch of the firewall is that of its servers');
});

test('one thread changes it for all', async () => {
  const firewall = new Firewall({ tools, policy: { rate_limits: { pay: '1/hour' } } });
  assert.ok(firewall.call('pay', '{}').allowed);
  const worker = new Worker(
    `const { workerData } = require('node:worker_threads');
     const firewall = require('airlock-mcp').Firewall.adopt(workerData);
     firewall.reload({ policy: { denied_tools: ['drop'], rate_limits: { pay: '1/hour' } } });`,
    { eval: true, workerData: firewall.share() },
  );
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  assert.equal(firewall.call('drop', '{}').reason, 'tool_denied');
  assert.equal(firewall.call('pay', '{}').reason, 'rate_limited');
});
