// The official TypeScript client, as users run it, with Airlock between it and official servers.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  CreateMessageRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { behind, folder, official } from './lib/paths.js';
import { refusalOf, writePolicy } from './lib/policy.js';
import { githubToken } from './lib/secrets.js';

/** Connects the official client to `command` behind Airlock; `prepare` sees it before the handshake. */
async function connect(t, policy, command, capabilities = {}, prepare = () => {}) {
  const [program, ...args] = behind(policy, command);
  const client = new Client({ name: 'airlock-e2e', version: '1' }, { capabilities });
  prepare(client);
  await client.connect(new StdioClientTransport({ command: program, args, stderr: 'ignore' }));
  t.after(() => client.close());
  return client;
}

test('filesystem: allowed, stripped, refused, denied and masked', async (t) => {
  const dir = folder(t);
  const secret = githubToken();
  writeFileSync(join(dir, 'note.txt'), 'one\ntwo\nthree\n');
  writeFileSync(join(dir, 'token.txt'), `token: ${secret}\n`);
  const client = await connect(t, writePolicy(dir), official('filesystem', dir));
  const read = (args) => client.callTool({ name: 'read_text_file', arguments: args });

  // The client validates structured content against the schemas that this call brings.
  const { tools } = await client.listTools();
  assert.equal(tools.length, 14);

  const allowed = await read({ path: join(dir, 'note.txt'), head: 2 });
  assert.equal(allowed.content[0].text, 'one\ntwo');

  const stripped = await read({ path: join(dir, 'note.txt'), head: 2, encoding_hint: 'utf8' });
  assert.deepEqual(stripped, allowed);

  const refusal = refusalOf(await read({ path: join(dir, 'note.txt'), head: '2' }));
  assert.equal(refusal.reason, 'validation_failed');
  assert.equal(refusal.violations[0].path, '/head');
  // What the refusal asks for is enough: the corrected call runs.
  assert.deepEqual(await read({ path: join(dir, 'note.txt'), head: 2 }), allowed);

  const denied = await client.callTool({
    name: 'write_file',
    arguments: { path: join(dir, 'new.txt'), content: 'x' },
  });
  assert.equal(refusalOf(denied).reason, 'tool_denied');

  const masked = await read({ path: join(dir, 'token.txt') });
  assert.ok(!JSON.stringify(masked).includes(secret));
  assert.equal(masked.structuredContent.content, masked.content[0].text);

  await assert.rejects(client.callTool({ name: 'nosuch', arguments: {} }), { code: -32602 });
});

test('everything: progress, logging, sampling and roots pass', async (t) => {
  const root = { uri: 'file:///srv/project', name: 'project' };
  let asked;
  const client = await connect(
    t,
    'permissive',
    official('everything', 'stdio'),
    { sampling: {}, roots: { listChanged: true } },
    (client) => {
      client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [root] }));
      client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
        asked = params;
        return { role: 'assistant', model: 'none', content: { type: 'text', text: 'the sampled words' } };
      });
    },
  );
  const { tools } = await client.listTools();
  const named = (part) => tools.find(({ name }) => name.includes(part)).name;

  // The client itself drops steps that arrive together with the result: on a busy machine all of a short call.
  const long = { name: named('long-running') };
  let progress;
  for (const duration of [0.3, 3, 30]) {
    progress = [];
    const call = { ...long, arguments: { duration, steps: 3 } };
    await client.callTool(call, undefined, { onprogress: (step) => progress.push(step.progress) });
    if (progress.length >= 2) break;
  }
  assert.deepEqual(progress.slice(0, 2), [1, 2]);

  const sampled = await client.callTool({
    name: named('sampling-request'),
    arguments: { prompt: 'say something', maxTokens: 10 },
  });
  assert.match(JSON.stringify(asked), /say something/);
  assert.match(JSON.stringify(sampled), /the sampled words/);

  const roots = await client.callTool({ name: named('roots-list'), arguments: {} });
  assert.match(JSON.stringify(roots), /file:\/\/\/srv\/project/);

  const calls = Array.from({ length: 50 }, (_, n) =>
    client.callTool({ name: 'get-sum', arguments: { a: n, b: n } }));
  for (const [n, { content }] of (await Promise.all(calls)).entries()) {
    assert.match(content[0].text, new RegExp(`\\b${2 * n}\\b`));
  }

  const cancel = new AbortController();
  const cancelled = client.callTool({ name: long.name, arguments: { duration: 5, steps: 5 } }, undefined, {
    signal: cancel.signal,
  });
  cancel.abort('changed my mind');
  await assert.rejects(cancelled, /changed my mind/);
  assert.match((await client.callTool({ name: 'echo', arguments: { message: 'still here' } })).content[0].text, /still here/);
});
