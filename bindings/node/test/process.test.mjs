// Threads that share a guard, and processes that end in the middle of things.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Guard } from 'airlock-mcp';

const cwd = fileURLToPath(new URL('..', import.meta.url));
const tools = [{ name: 'pay', inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } }];

test('worker threads share a guard while its owner holds it', async () => {
  const guard = new Guard({ tools, policy: { max_output_chars: 50 } });
  const number = guard.share();
  assert.equal(guard.share(), number);
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { Guard } = require('airlock-mcp');
    const guard = Guard.adopt(workerData);
    let cut = 0;
    for (let n = 0; n < 20000; n++) {
      const verdict = guard.check('pay', JSON.stringify({ amount: n, ghost: n }));
      if (verdict.arguments === '{"amount":' + n + '}') cut++;
    }
    parentPort.postMessage({ cut, tools: guard.tools, wrong: guard.check('pay', '{"amount":"1"}').reason });`;
  const run = () => new Promise((resolve, reject) => {
    const worker = new Worker(script, { eval: true, workerData: number });
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  const all = Promise.all([run(), run(), run(), run()]);
  for (let n = 0; n < 5000; n++) guard.check('pay', '{"amount":1}');
  for (const got of await all) assert.deepEqual(got, { cut: 20000, tools: ['pay'], wrong: 'validation_failed' });
  assert.throws(() => Guard.adopt(4_000_000_000), RangeError);
});

test('a worker that is ended in the middle of its checks harms nobody', async () => {
  const guard = new Guard({ tools });
  const script = `
    const { workerData } = require('node:worker_threads');
    const guard = require('airlock-mcp').Guard.adopt(workerData);
    for (;;) guard.check('pay', '{"amount":1}');`;
  for (let n = 0; n < 4; n++) {
    const worker = new Worker(script, { eval: true, workerData: guard.share() });
    await new Promise((go) => setTimeout(go, 60));
    await worker.terminate();
  }
  assert.equal(guard.check('pay', '{}').allowed, true);
});

test('a process that ends with calls in flight ends cleanly', () => {
  for (const end of ['process.exit(3)', "process.kill(process.pid, 'SIGTERM')", 'process.exitCode = 3; client.close()']) {
    const script = `
      import { Client } from '@modelcontextprotocol/sdk/client/index.js';
      import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
      import { airlock } from 'airlock-mcp';
      import { serverV1 } from './test/support/servers.mjs';
      const [a, b] = InMemoryTransport.createLinkedPair();
      const client = new Client({ name: 't', version: '1' });
      await Promise.all([airlock(serverV1(), { policy: 'permissive', warn() {} }).connect(b), client.connect(a)]);
      for (let n = 0; n < 20; n++) client.callTool({ name: 'slow', arguments: { ms: 200 } }).catch(() => {});
      setTimeout(() => { ${end} }, 30);`;
    const { status, signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd, encoding: 'utf8' });
    assert.equal(stderr, '', end);
    assert.deepEqual([status, signal], end.includes('SIGTERM') ? [null, 'SIGTERM'] : [3, null], end);
  }
});
