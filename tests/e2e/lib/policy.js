// The policy that the tests guard with, and readers of what a guarded client gets.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes the policy of the tests into `dir` and returns its path. */
export function writePolicy(dir) {
  const path = join(dir, 'policy.toml');
  writeFileSync(path, 'denied_tools = ["write_file", "secret_*"]\n');
  return path;
}

/** The refusal that `result` carries, after checking that both of its places hold the same one. */
export function refusalOf(result) {
  assert.equal(result.isError, true);
  assert.equal('structuredContent' in result, false, 'clients validate it against the output schema');
  assert.equal(result.content.length, 1);
  const refusal = result._meta['airlock/refusal'];
  assert.deepEqual(JSON.parse(result.content[0].text), refusal);
  assert.equal(refusal.status, 'blocked');
  return refusal;
}

/** The refusal in a reply line. */
export const refusalIn = (line) => refusalOf(JSON.parse(line).result);
