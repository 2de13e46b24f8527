// npm fastmcp, which makes servers of the SDK itself: guarded through the SDK's class.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stdio } from './support/servers.mjs';
import { awsKey } from './support/secrets.mjs';

test('a fastmcp server over stdio', async (t) => {
  // Its own dependencies ask for Node 22 in parts.
  const probe = spawnSync(process.execPath, ['--input-type=module', '-e', "import 'fastmcp'"], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
  });
  if (probe.status !== 0) return t.skip(`SKIPPED: fastmcp does not load in Node ${process.versions.node}`);
  const client = await stdio(t, { denied_tools: ['delete_*'] }, 'fastmcp.mjs');
  const call = (name, args) => client.callTool({ name, arguments: args });
  const cut = await call('refund', { amount: 5, ghost: 1 });
  assert.equal(cut.content[0].text, '{"amount":5}');
  assert.equal((await call('refund', { amount: '5' }))._meta['airlock/refusal'].reason, 'validation_failed');
  assert.equal((await call('delete_all', {}))._meta['airlock/refusal'].reason, 'tool_denied');
  assert.ok(!JSON.stringify(await call('leak', {})).includes(awsKey));
  return undefined;
});
