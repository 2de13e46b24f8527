// The official conformance suite against one server, with and without Airlock: every active check passes in both. That
// of 2026-07-28 is an alpha, and asks for more than the SDK and the server of this test have: what passes is the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NO_NODE_22, node22 } from './support/node22.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The line of each scenario, with its name and its counts. */
async function results(t, mode, script = 'conformance.mjs', suite = ['@modelcontextprotocol/conformance', '--suite', 'active']) {
  const server = spawn(process.execPath, [here(`support/${script}`), mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill());
  const [line] = await once(server.stdout, 'data');
  const [name, ...which] = suite;
  const args = [here(`../node_modules/${name}/dist/index.js`), 'server', '--url', String(line).trim(), ...which];
  const child = spawn(node22, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (out += chunk));
  await once(child, 'close');
  return out.slice(out.lastIndexOf('SUMMARY')).replaceAll(/\u001b\[\d+m/g, '');
}

test('the pass set is the same with and without Airlock', async (t) => {
  if (!node22) return t.skip(NO_NODE_22);
  const plain = await results(t, 'plain');
  const guarded = await results(t, 'guarded');
  assert.equal(guarded, plain);
  assert.match(guarded, /Total: (\d+) passed, 0 failed/, guarded);
  t.diagnostic(/Total: .*/.exec(guarded)[0]);
  return undefined;
});

test('so it is in the era of 2026-07-28, decided on as bytes', async (t) => {
  if (!node22) return t.skip(NO_NODE_22);
  const suite = ['conformance-next', '--requirements', '2026-07-28'];
  const plain = await results(t, 'plain', 'conformance2.mjs', suite);
  const guarded = await results(t, 'guarded', 'conformance2.mjs', suite);
  assert.equal(guarded, plain);
  const [, passed] = /Total: (\d+) passed/.exec(guarded);
  assert.ok(Number(passed) >= 126, guarded);
  t.diagnostic(/Total: .*/.exec(guarded)[0]);
  return undefined;
});
