// The bytes of standard input and output, before an SDK has parsed them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { awsKey } from './support/secrets.mjs';

async function session(lines) {
  const path = fileURLToPath(new URL('support/bytes.mjs', import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify({ denied_tools: ['delete_*'] })], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let out = '';
  const answered = new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (out.split('\n').length >= lines.length + 2) resolve();
    });
    child.on('close', resolve);
  });
  const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  for (const line of [
    JSON.stringify({ jsonrpc: '2.0', id: 'i', method: 'initialize', params: initialize }),
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    ...lines,
  ]) {
    child.stdin.write(line);
    child.stdin.write('\n');
  }
  await answered;
  child.stdin.end();
  await closed;
  return out.trim().split('\n').map((line) => JSON.parse(line));
}

const call = (id, name, args) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}","arguments":${args}}}`;

test('duplicate keys, big integers and broken bytes are seen; the rest is guarded as ever', async () => {
  const replies = await session([
    call(1, 'refund', '{"order":"a","amount":1,"ghost":2}'),
    call(2, 'refund', '{"order":"a","amount":1,"amount":2}'),
    '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"refund","name":"delete_all","arguments":{}}}',
    call(4, 'delete_all', '{"sure":true}'),
    call(5, 'leak', '{}'),
    call(6, 'refund', '{"order":"\\ud800","amount":1}'),
    call(7, 'refund', '{"order":"a","amount":"1"}'),
  ]);
  const of = (id) => replies.find((reply) => reply.id === id);
  assert.deepEqual(JSON.parse(of(1).result.content[0].text), { order: 'a', amount: 1 });
  assert.ok(of(2).error, 'two readers would see two calls');
  assert.ok(of(3).error);
  assert.equal(of(4).result._meta['airlock/refusal'].reason, 'tool_denied');
  assert.ok(!JSON.stringify(of(5)).includes(awsKey));
  assert.ok(of(6).error);
  assert.equal(of(7).result._meta['airlock/refusal'].reason, 'validation_failed');
});
