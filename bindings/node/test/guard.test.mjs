// The guard: the answers are those of the engine, and no argument is too strange.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as esm from 'airlock-mcp';
import { AuditError, Guard, PolicyError, RefusalError, ToolError } from 'airlock-mcp';

const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);
const root = join(here, '../../..');
const amount = { name: 'pay', inputSchema: { type: 'object', properties: { amount: { type: 'integer' } } } };

/** A line of `testdata`, with its placeholders filled in. */
function vectors() {
  const read = (name) => readFileSync(join(root, 'testdata', name), 'utf8');
  const secrets = Object.entries(JSON.parse(read('secrets.json')));
  const fill = (line) => secrets.reduce((text, [name, parts]) => text.replaceAll(`\${${name}}`, parts.join('')), line);
  return read('vectors.jsonl').split('\n').filter(Boolean).map((line) => {
    const text = fill(line);
    // The schemas as they are spelt: a refusal may quote one.
    const tools = text.slice(text.indexOf('"tools":') + '"tools":'.length, text.indexOf(',"policy":'));
    return { ...JSON.parse(text), ...(text.includes('"tools":') ? { tools } : {}) };
  });
}

/** The answer as the vectors spell it. */
function answer(vector) {
  const guard = new Guard({
    tools: vector.tools ?? [],
    unsupported: 'refuse',
    ...(vector.policy ? { policy: vector.policy } : {}),
  });
  if (vector.output) {
    const [kind, text] = Object.entries(vector.output)[0];
    const { output, masked, truncated } = guard.filter(vector.tool, text, { json: kind === 'json' });
    return { bytes: output, masked, truncated };
  }
  const { tool, arguments_text: text, arguments_base64: base64, agent, roles, tenant } = vector.call;
  const args = text ?? Buffer.from(base64, 'base64');
  const verdict = guard.check(tool, args, { agent, roles, tenant, now: null });
  const { decision, reason, arguments_text, stripped, suggest, violations, refusal = null } = verdict.details;
  assert.equal(verdict.allowed, decision === 'allow');
  if (verdict.allowed) assert.equal(verdict.arguments, arguments_text);
  else assert.equal(verdict.reason, reason);
  return {
    decision,
    reason,
    arguments_text,
    stripped,
    violations: violations.map(({ path, keyword, property, offset, fix }) => ({
      path,
      keyword,
      ...(property === undefined ? {} : { property }),
      ...(offset === undefined ? {} : { offset }),
      fix,
    })),
    suggest,
    refusal,
  };
}

test('every golden vector is answered as written', () => {
  const lines = vectors();
  assert.ok(lines.length >= 80);
  for (const vector of lines) assert.deepEqual(answer(vector), vector.expect, vector.name);
});

/** The folder of shared data, which may lie beside the checkout. */
function shared() {
  if (process.env.AIRLOCK_SHARED) return process.env.AIRLOCK_SHARED;
  for (let dir = root; dir !== join(dir, '..'); dir = join(dir, '..')) {
    if (existsSync(join(dir, 'shared/data'))) return join(dir, 'shared');
  }
  return undefined;
}

test('every call of the shared data is answered as the command answers it', (t) => {
  const data = shared();
  if (!data) return t.skip('SKIPPED: shared/data is not here; set AIRLOCK_SHARED to the shared folder');
  const [toolsFile, callsFile] = ['dev_tools', 'dev_calls'].map((name) => join(data, 'data/validation', `${name}.jsonl`));
  const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const command = join(require('../dist/native.js').platformFolder(), 'airlock');
  const out = execFileSync(command, ['check', '--tools', toolsFile, '--calls', callsFile], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // The schemas as they are spelt: a refusal may quote one. The first `tool` and `input_schema` are the members.
  const tools = readFileSync(toolsFile, 'utf8').split('\n').filter(Boolean).map((line) =>
    line.replace('"name":', '"label":').replace('"tool":', '"name":').replace('"input_schema":', '"inputSchema":'));
  const guard = new Guard({ tools: `[${tools.join()}]`, unsupported: 'refuse' });
  const calls = lines(readFileSync(callsFile, 'utf8'));
  const answers = lines(out);
  assert.equal(answers.length, calls.length);
  for (const [at, call] of calls.entries()) {
    const base64 = call.arguments_base64 ?? call.arguments_b64;
    const args = base64 ? Buffer.from(base64, 'base64') : (call.arguments_text ?? JSON.stringify(call.arguments ?? {}));
    const verdict = guard.check(call.tool, args, { now: null });
    const { decision, reason, arguments_text, stripped, repaired, violations, suggest } = verdict.details;
    const { v, id, rule, ...wanted } = answers[at];
    assert.deepEqual({ decision, reason, arguments_text, stripped, repaired, violations, suggest }, wanted, `${call.id}`);
    if (verdict.allowed) assert.equal(verdict.arguments, wanted.arguments_text);
    else assert.equal(verdict.reason, wanted.reason);
  }
  t.diagnostic(`${calls.length} calls`);
  return undefined;
});

test('errors are of a class that says what failed, with the refusal as fields', () => {
  assert.throws(() => new Guard({ policy: { denied_tool: [] } }), (error) => {
    assert.ok(error instanceof PolicyError);
    assert.match(error.message, /denied_tool/);
    return true;
  });
  assert.throws(() => new Guard({ policy: 'no/such/file.toml' }), PolicyError);
  assert.throws(() => new Guard({ toml: 'denied_tools = 7' }), /policy\.toml:1:/);
  assert.throws(() => new Guard({ tools: [{ name: 't', inputSchema: { type: 'strin' } }] }), ToolError);
  assert.throws(() => new Guard({ audit: '/no/such/folder/audit.jsonl' }), AuditError);
  assert.throws(() => new Guard({ policy: 'strict' }), /audit/);
  const guard = new Guard({ tools: [amount] });
  assert.equal(guard.enforce('pay', '{"amount":1,"x":2}'), '{"amount":1}');
  assert.throws(() => guard.enforce('pay', '{"amount":"1"}'), (error) => {
    assert.ok(error instanceof RefusalError);
    assert.equal(error.reason, 'validation_failed');
    assert.equal(error.tool, 'pay');
    assert.equal(error.retryable, true);
    assert.equal(error.violations[0].fix.op, 'unquote');
    assert.deepEqual(JSON.parse(error.message), error.refusal);
    return true;
  });
});

test('both module systems have one copy, with the same names', () => {
  const cjs = require('airlock-mcp');
  const names = Object.keys(esm).filter((name) => name !== '__esModule');
  assert.deepEqual(names.sort(), Object.keys(cjs).sort());
  for (const name of names) assert.equal(esm[name], cjs[name], name);
});

test('who calls, and when, decides', () => {
  const guard = new Guard({
    policy: {
      rule: [{ id: 'ops', effect: 'allow', tools: ['pay'], roles: ['ops'] }],
      agents: { ann: { roles: ['ops'] } },
    },
    tools: [amount],
  });
  const reason = (caller) => guard.check('pay', '{}', caller).reason;
  assert.equal(reason({ agent: 'bob', roles: ['ops'] }), undefined);
  assert.notEqual(reason({ agent: 'bob', roles: ['dev'] }), undefined);
  assert.equal(reason({ agent: 'ann' }), undefined, 'the policy knows her roles');
  assert.notEqual(reason(), undefined, 'the caller before is forgotten');
});

test('a panic in the addon is an error, and the addon lives on', () => {
  const { native } = require('../dist/native.js');
  assert.throws(() => native.panicForTest(), /a test asked for it/);
  assert.equal(new Guard({ tools: [amount] }).check('pay', '{}').allowed, true);
  assert.throws(() => native.check({}, 0, 0, 0, Buffer.alloc(1)));
});

test('no argument is too strange', () => {
  const guard = new Guard({ tools: [amount, { name: 'any', inputSchema: { type: 'object' } }] });
  const reason = (args, tool = 'any') => guard.check(tool, args).reason;
  for (const args of ['', ' ', 'null', '[]', '1', '"x"', '{', '{}{}', '\0', '{"a":1,"a":2}', '{"a":NaN}']) {
    assert.equal(reason(args), 'malformed_arguments', args);
  }
  assert.equal(reason(`{"a":"${'x'.repeat(100e6)}"}`), 'malformed_arguments');
  assert.equal(reason(`{"a":${'['.repeat(1e4)}${']'.repeat(1e4)}}`), 'malformed_arguments');
  for (const lone of ['\ud800', '\udfff', 'a\ud800b', '\udc00\ud800']) {
    assert.equal(reason(`{"a":"${lone}"}`), 'malformed_arguments');
    assert.equal(reason(`{"${lone}":1}`), 'malformed_arguments');
  }
  assert.equal(reason('{"a":"\\ud800"}'), 'malformed_arguments');
  assert.equal(reason(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 'malformed_arguments');
  const proto = guard.check('pay', '{"amount":1,"__proto__":{"admin":true},"constructor":1}');
  assert.equal(proto.arguments, '{"amount":1}');
  assert.deepEqual(proto.stripped, ['/__proto__', '/constructor']);
  assert.equal({}.admin, undefined);
  for (const name of ['__proto__', 'constructor', 'toString', '', '\ud800', 'x'.repeat(1e6)]) {
    assert.equal(reason('{}', name), 'unknown_tool');
  }
  assert.equal(reason('{"amount":1.5}', 'pay'), 'validation_failed');
  assert.equal(reason(() => {}), 'malformed_arguments');
  assert.equal(reason(new Map([['a', 1]])), undefined, 'its JSON is {}');
  assert.throws(() => guard.check('any', { a: 1n }), TypeError);
  assert.equal(guard.check('pay', Object.freeze({ amount: 1, ghost: 2 })).value.amount, 1);
  // Numbers keep every digit, in both forms.
  const big = '{"amount":12345678901234567890}';
  assert.equal(guard.check('pay', big).arguments, big);
  assert.equal(guard.check('pay', Buffer.from(big)).arguments, big);
});

test('the work for a hostile argument is that of its bytes', () => {
  const guard = new Guard({ tools: [amount, { name: 'any', inputSchema: { type: 'object' } }] });
  const spent = (args) => {
    const began = process.cpuUsage();
    guard.check('any', args);
    const { user, system } = process.cpuUsage(began);
    return (user + system) / 1e6;
  };
  spent('{}');
  // Far above what linear work takes on a slow machine, far below what anything else would.
  assert.ok(spent(`{"a":"${'x'.repeat(100e6)}"}`) < 10);
  assert.ok(spent(`{"a":${'['.repeat(400_000)}`) < 10);
  assert.ok(spent(`{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":1`).join()}}`) < 10);
});

test('outputs: masked, cut, bytes and text, larger than the buffer', () => {
  const guard = new Guard({ policy: { max_output_chars: 100 } });
  const secret = `password=${['Tr0ub4', 'dor&3'].join('')}`;
  assert.deepEqual(guard.filter('t', secret), { output: 'password=[REDACTED]', masked: 1, truncated: false });
  const bytes = guard.filter('t', Buffer.from(secret));
  assert.equal(Buffer.from(bytes.output).toString(), 'password=[REDACTED]');
  const same = 'nothing here';
  assert.equal(guard.filter('t', same).output, same);
  assert.equal(guard.filter('t', 'word '.repeat(100)).truncated, true);
  assert.equal(guard.filter('t', 'a\ud800b').output, 'a\ufffdb');
  const free = new Guard();
  const long = `${'line of text\n'.repeat(20_000)}${secret}\n${'x '.repeat(100_000)}`;
  const { output, masked } = free.filter('t', long);
  assert.equal(masked, 1);
  assert.equal(output, long.replace(secret, 'password=[REDACTED]'));
});

test('a policy may be a file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'policy.toml');
  writeFileSync(path, 'denied_tools = ["pay"]\n');
  const guard = new Guard({ policy: path, tools: [amount] });
  assert.equal(guard.check('pay', '{}').reason, 'tool_denied');
});
