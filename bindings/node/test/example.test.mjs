// The example prints what its README says, and the tests of the guard pass on Node 22 as on this one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { NO_NODE_22, node22 } from './support/node22.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const example = join(here, '../../../examples/node');

test('the transcript of the example is what its client gets', (t) => {
  if (!node22) return t.skip(NO_NODE_22);
  // Inside this package its name and the packages that it is tested with resolve.
  const folder = mkdtempSync(join(here, 'example-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['server.mjs', 'client.mjs', 'policy.toml']) cpSync(join(example, name), join(folder, name));
  const { stdout, stderr } = spawnSync(node22, ['--no-warnings', join(folder, 'client.mjs')], { encoding: 'utf8' });
  const readme = readFileSync(join(example, 'README.md'), 'utf8');
  const [, transcript] = /```\n(> [^]*?)```/.exec(readme);
  assert.equal(stdout.trimEnd(), transcript.trimEnd(), stderr);
  return undefined;
});

test('Node 22 answers alike', (t) => {
  if (!node22) return t.skip(NO_NODE_22);
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const files = ['guard', 'pitfalls'].map((name) => join(here, `${name}.test.mjs`));
  const { status, stdout } = spawnSync(node22, ['--test', ...files], { encoding: 'utf8', env });
  assert.equal(status, 0, stdout);
  return undefined;
});
