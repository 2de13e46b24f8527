// Calls that are refused, against golden answers: the reply line of each, byte for byte.
//
// The golden file is a contract with hosts and models that read refusals. After a change that is meant,
// AIRLOCK_BLESS=1 writes it anew; read the difference before it is committed.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { behind, folder, official } from './lib/paths.js';
import { wire } from './lib/wire.js';

const GOLDEN = new URL('golden/refusals.json', import.meta.url);

const POLICY = `
denied_tools = [
    "get-env",
    { tools = ["write_*", "delete_*"], hint = "Ask the user to make the change." },
]
[[rule]]
id = "editors"
effect = "deny"
tools = ["edit_file"]
except_roles = ["editor"]
hint = "Only editors change files."
`;

/** What is asked of each official server; /root stands for the folder that it serves. */
const asked = {
  everything: [
    ['a string for a number', 'get-sum', { a: '1', b: 2 }],
    ['two wrong types', 'get-sum', { a: '1', b: null }],
    ['a missing argument', 'echo', {}],
    ['a misspelt argument', 'echo', { mesage: 'hi' }],
    ['a value in the wrong case', 'get-structured-content', { location: 'chicago' }],
    ['a number out of bounds', 'get-resource-links', { count: 11 }],
    ['a denied tool', 'get-env', {}],
    ['an unknown tool', 'nosuch', {}],
    ['an array for the arguments', 'echo', ['hi']],
    ['text for the arguments', 'echo', '{"message":"hi"}'],
  ],
  filesystem: [
    ['an array as JSON text', 'read_multiple_files', { paths: '["/root/a.txt"]' }],
    ['a scalar for an array', 'read_multiple_files', { paths: '/root/a.txt' }],
    ['an empty array', 'read_multiple_files', { paths: [] }],
    ['a tool for another role', 'edit_file', { path: '/root/a.txt', edits: [] }],
    ['a denied tool with a hint', 'write_file', { path: '/root/a.txt', content: '' }],
  ],
  memory: [
    ['a text for an object', 'create_entities', { entities: ['Ann'] }],
    ['a misspelt argument in an item', 'create_entities', {
      entities: [{ name: 'Ann', entityTyp: 'person', observations: [] }],
    }],
    ['a denied tool', 'delete_entities', { entityNames: ['Ann'] }],
  ],
};

for (const [name, calls] of Object.entries(asked)) {
  test(`${name}: refusals`, async (t) => {
    const dir = realpathSync(folder(t));
    mkdirSync(join(dir, 'root'));
    writeFileSync(join(dir, 'policy.toml'), `default = "allow"\n${POLICY}`);
    const served = name === 'filesystem' ? [join(dir, 'root')] : name === 'everything' ? ['stdio'] : [];
    const client = wire(t, behind(join(dir, 'policy.toml'), official(name, ...served)), {
      env: { MEMORY_FILE_PATH: join(dir, 'memory.jsonl') },
    });
    await client.initialize();
    await client.request('tools/list', {});
    const golden = JSON.parse(readFileSync(GOLDEN, 'utf8'));
    const replies = {};
    for (const [what, tool, args] of calls) replies[what] = await client.call(tool, args, what);
    if (process.env.AIRLOCK_BLESS) {
      writeFileSync(GOLDEN, `${JSON.stringify({ ...golden, [name]: replies }, null, 2)}\n`);
      return;
    }
    for (const [what] of calls) {
      const differs = `is     ${replies[what]}\ngolden ${golden[name][what]}`;
      await t.test(what, () => assert.ok(replies[what] === golden[name][what], differs));
    }
  });
}
