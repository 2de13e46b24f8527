// The firewall: what a guard says, charged and recorded.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AuditError, Firewall, PolicyError, ToolError } from 'airlock-mcp';

const tools = [{ name: 'pay', inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } }];

function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'airlock-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('calls are checked like a guard checks them, and cut', () => {
  const firewall = new Firewall({ tools });
  const cut = firewall.call('pay', '{"amount":1,"ghost":2}');
  assert.equal(cut.arguments, '{"amount":1}');
  assert.deepEqual(cut.stripped, ['/ghost']);
  assert.equal(firewall.call('pay', { amount: 1 }).arguments, '{"amount":1}');
  assert.equal(firewall.call('pay', Buffer.from('{"amount":1}')).arguments, '{"amount":1}');
  const wrong = firewall.call('pay', '{"amount":"1"}');
  assert.equal(wrong.reason, 'validation_failed');
  firewall.call('pay', '{}');
  assert.equal(wrong.refusal.violations[0].path, '/amount', 'details outlive the next call');
  assert.equal(firewall.call('pay', '{"amount":"\ud800"}').reason, 'malformed_arguments');
});

test('limits are charged, for each agent', () => {
  const firewall = new Firewall({ tools, policy: { rate_limits: { pay: '2/hour' } } });
  const run = (agent) => firewall.call('pay', '{"amount":1}', { agent });
  assert.deepEqual([run('ann'), run('ann'), run('ann')].map(({ allowed }) => allowed), [true, true, false]);
  const limited = run('ann');
  assert.equal(limited.reason, 'rate_limited');
  assert.ok(limited.refusal.retry_after_ms > 0);
  assert.equal(run('bob').allowed, true);
});

test('decisions and outputs are recorded, no value among them', (t) => {
  const audit = join(folder(t), 'audit.jsonl');
  const firewall = new Firewall({ tools, audit });
  firewall.call('pay', '{"amount":4711,"ghost":2}', { agent: 'ann' });
  firewall.call('pay', '{"amount":"4711"}');
  const secret = ['Tr0ub4', 'dor&3'].join('');
  assert.deepEqual(firewall.filter('pay', `password=${secret}`), { output: 'password=[REDACTED]', masked: 1, truncated: false });
  const log = readFileSync(audit, 'utf8');
  assert.ok(log.trim().split('\n').length >= 3, log);
  assert.match(log, /"ann"/);
  assert.ok(!log.includes('4711') && !log.includes(secret), log);
});

test('everything can be halted, by hand or by a file', (t) => {
  const firewall = new Firewall({ tools });
  firewall.halt();
  assert.equal(firewall.call('pay', '{}').reason, 'halted');
  firewall.resume();
  assert.equal(firewall.call('pay', '{}').allowed, true);
  const killFile = join(folder(t), 'halt');
  const watched = new Firewall({ tools, killFile });
  assert.equal(watched.call('pay', '{}').allowed, true);
  writeFileSync(killFile, '');
  assert.equal(watched.call('pay', '{}').reason, 'halted');
});

test('what cannot be built says why', () => {
  assert.throws(() => new Firewall({ policy: 'strict' }), PolicyError);
  assert.throws(() => new Firewall({ policy: { nope: 1 } }), PolicyError);
  assert.throws(() => new Firewall({ tools: [{ name: 't', inputSchema: { type: 'strin' } }] }), ToolError);
  assert.throws(() => new Firewall({ audit: '/no/such/folder/audit.jsonl' }), AuditError);
});
