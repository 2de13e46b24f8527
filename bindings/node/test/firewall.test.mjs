// The firewall: what a guard says, charged and recorded.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
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

test('permits are settled: what a session has reserved comes back when the tool did nothing', async () => {
  const policy = { rule: [{ id: 'pay-once', effect: 'allow', tools: ['pay'], once: 'args.amount' }] };
  const firewall = new Firewall({ tools, policy });
  const pay = (session = 's1') => firewall.call('pay', '{"amount":1}', { agent: 'ann', session });
  const failed = pay();
  assert.equal(failed.allowed, true, failed.text);
  assert.equal(pay().reason, 'session_rule');
  assert.deepEqual(firewall.calls, { running: 1, ok: 0, failed: 0, unknown: 0, refused: 1 });
  failed.finish('failed');
  failed.finish('ok');
  assert.deepEqual(firewall.calls, { running: 0, ok: 0, failed: 1, unknown: 0, refused: 1 });
  assert.equal(await pay().run((args) => JSON.parse(args).amount), 1);
  assert.equal(pay().reason, 'session_rule');
  assert.equal(pay('s2').allowed, true, 'another session');
  firewall.endSession('s1', { agent: 'ann' });
  const thrown = pay();
  await assert.rejects(thrown.run(() => Promise.reject(new Error('down'))), /down/);
  assert.equal(firewall.calls.unknown, 1);
  assert.equal(firewall.call('pay', '{"amount":1}').allowed, false, 'a call of no session');
});

test('threads share a firewall: its limits, its switch, its counts', async () => {
  const firewall = new Firewall({ tools, policy: { rate_limits: { pay: '100/hour' } } });
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    const firewall = require('airlock-mcp').Firewall.adopt(workerData);
    let allowed = 0;
    for (let n = 0; n < 60; n++) {
      const verdict = firewall.call('pay', { amount: n });
      if (verdict.allowed) allowed++, verdict.finish('ok');
    }
    parentPort.postMessage(allowed);`;
  const run = () => new Promise((resolve, reject) => {
    const worker = new Worker(script, { eval: true, workerData: firewall.share() });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  const [a, b] = await Promise.all([run(), run()]);
  assert.equal(a + b, 100);
  assert.equal(firewall.call('pay', '{"amount":1}').reason, 'rate_limited');
  assert.equal(firewall.calls.ok, 100);
  assert.throws(() => Firewall.adopt(4_000_000_000), RangeError);
});

test('hashes are made under the key of the host', () => {
  const policy = { output: { '*': { mask: ['pii.core'], style: 'hash' } } };
  assert.throws(() => new Firewall({ tools, policy }), PolicyError);
  assert.throws(() => new Firewall({ tools, policy, maskKey: 'short' }), PolicyError);
  const shown = (maskKey) => new Firewall({ tools, policy, maskKey }).filter('pay', 'mail ann@example.com').output;
  const one = shown('the first key of this test');
  assert.ok(!one.includes('ann@'), one);
  assert.equal(shown(Buffer.from('the first key of this test')), one);
  assert.notEqual(shown('another key of this test'), one);
});

test('another spelling is taken where the host says so, and reported', () => {
  const call = (coerce) => new Firewall({ tools, ...(coerce === undefined ? {} : { coerce }) }).call('pay', '{"amount":"7"}');
  assert.equal(call().reason, 'validation_failed');
  assert.equal(call(['other']).reason, 'validation_failed');
  for (const coerce of [true, 'pa*', ['other', 'pay']]) {
    const verdict = call(coerce);
    assert.equal(verdict.arguments, '{"amount":7}');
    assert.deepEqual(verdict.details.repaired, ['/amount']);
  }
  assert.throws(() => call('[pay]'), PolicyError);
});
