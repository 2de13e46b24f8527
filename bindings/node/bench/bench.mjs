// What the guard costs beside what a Node developer would use, in one run: thread CPU time, medians of rounds in
// turn, so that a busy machine slows every row alike. `npm run bench`; needs the shared data and a release build.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { airlock, Guard } from 'airlock-mcp';
import Ajv from 'ajv/dist/2020.js';
import { z } from 'zod';
import { http, inMemory } from '../test/support/servers.mjs';

const ROUNDS = 21;

/** CPU time of this thread in nanoseconds, as Linux counts it, to a clock tick; elsewhere that of the process. */
const clock = `/proc/self/task/${process.pid}/schedstat`;
const cpu = existsSync(clock)
  ? () => Number(readFileSync(clock, 'utf8').split(' ')[0])
  : () => {
      const { user, system } = process.cpuUsage();
      return (user + system) * 1000;
    };
/** Collects the garbage of one row before the next is measured. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Runs the rows in turn, each `repeat` times, and prints their medians; `per` is how many operations a run is. */
async function compare(title, per, repeat, rows) {
  const times = new Map(rows.map(([name]) => [name, []]));
  for (let round = -3; round < ROUNDS; round++) {
    for (const [name, run] of rows) {
      collect();
      const began = cpu();
      for (let n = 0; n < repeat; n++) await run();
      const spent = (cpu() - began) / per / repeat;
      if (round >= 0) times.get(name).push(spent);
    }
  }
  console.log(`\n${title}`);
  const base = median(times.get(rows[0][0]));
  for (const [name, spent] of times) {
    const ns = median(spent);
    console.log(`  ${name.padEnd(44)} ${(ns / 1000).toFixed(2).padStart(7)} µs  x${(ns / base).toFixed(2)}`);
  }
}

function shared() {
  let dir = fileURLToPath(new URL('.', import.meta.url));
  if (process.env.AIRLOCK_SHARED) return process.env.AIRLOCK_SHARED;
  while (!existsSync(join(dir, 'shared/data')) && dir !== '/') dir = join(dir, '..');
  return join(dir, 'shared');
}

async function checks() {
  const lines = (name) => readFileSync(join(shared(), 'data/validation', name), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const tools = lines('dev_tools.jsonl').map((tool) => ({ name: tool.tool ?? tool.name, inputSchema: tool.inputSchema ?? tool.input_schema }));
  const guard = new Guard({ tools, unsupported: 'refuse' });
  const all = lines('dev_calls.jsonl')
    .filter((call) => call.arguments_base64 === undefined && call.arguments_b64 === undefined)
    .map((call) => [call.tool, call.arguments_text ?? JSON.stringify(call.arguments ?? {})]);
  const clean = all.filter(([tool, text]) => {
    const verdict = guard.check(tool, text);
    return verdict.allowed && !verdict.changed;
  });
  const ajv = new Ajv({ strict: false, removeAdditional: 'all', logger: false, validateFormats: false });
  const byAjv = new Map();
  const byZod = new Map();
  for (const { name, inputSchema } of tools) {
    try {
      byAjv.set(name, ajv.compile(inputSchema));
      byZod.set(name, z.fromJSONSchema(inputSchema));
    } catch {
      // A schema that a peer does not take: its calls are left out for all.
    }
  }
  for (const [title, calls] of [['valid calls', clean], ['all calls, half of them wrong', all]]) {
    const mine = calls.filter(([tool]) => byAjv.has(tool) && byZod.has(tool));
    const bytes = mine.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0) / mine.length;
    const quietly = (run) => () => {
      for (const [tool, text] of mine) {
        try {
          run(tool, text);
        } catch {
          // Malformed text.
        }
      }
    };
    await compare(`check, ${title}: ${mine.length}, ${bytes.toFixed(0)} bytes on average`, mine.length, Math.ceil(30_000 / mine.length), [
      ['JSON.parse', quietly((_, text) => JSON.parse(text))],
      ['guard.check', quietly((tool, text) => guard.check(tool, text))],
      ['guard.check, and the refusal as text', quietly((tool, text) => {
        const verdict = guard.check(tool, text);
        return verdict.allowed ? verdict.arguments : verdict.text;
      })],
      ['JSON.parse + ajv strips + JSON.stringify', quietly((tool, text) => {
        const value = JSON.parse(text);
        return byAjv.get(tool)(value) && JSON.stringify(value);
      })],
      ['JSON.parse + zod strips + JSON.stringify', quietly((tool, text) => {
        const { success, data } = byZod.get(tool).safeParse(JSON.parse(text));
        return success && JSON.stringify(data);
      })],
    ]);
  }
}

/** A server with one tool, like most calls: four arguments, a sentence back. */
function bank() {
  const server = new McpServer({ name: 'bench', version: '1' });
  server.registerTool(
    'transfer',
    { inputSchema: { from: z.string(), to: z.string(), amount: z.number().int(), note: z.string().optional() } },
    async ({ amount }) => ({ content: [{ type: 'text', text: `Sent ${amount} to the account, all is well.` }] }),
  );
  return server;
}

async function servers() {
  const guard = new Guard({ policy: 'permissive' });
  const guarded = () => airlock(bank(), { guard });
  const open = { after() {} };
  const calls = 200;
  const run = (client) => async () => {
    for (let n = 0; n < calls; n++) {
      await client.callTool({ name: 'transfer', arguments: { from: 'DE89-3704', to: 'FR14-2004', amount: n, note: 'rent for May' } });
    }
  };
  for (const [title, repeat, connect] of [
    ['in memory', 10, (make) => inMemory(open, make)],
    ['over HTTP with sessions', 1, (make) => http(open, make, { stateful: true })],
    ['over HTTP, a server for each request', 1, (make) => http(open, make, { stateful: false })],
  ]) {
    const rows = [['unguarded', run(await connect(bank))], ['guarded', run(await connect(guarded))]];
    await compare(`a tool call of the SDK ${title}, client and server together`, calls, repeat, rows);
  }
  process.exit();
}

if (!process.argv.includes('--servers')) await checks();
await servers();
