// What an idle `airlock run` costs: time from start to the first relayed byte, and resident memory.
//
// Start: behind Airlock stands `cat`, which sends each line back as a request of the server's own, so no
// server's start is measured with ours; the same line through `cat` alone is subtracted. Median of 31.
// Memory: resident set after the handshake and the tool list of the official filesystem server.
// Exit code 1 when an aim is missed. Linux only: memory is read from /proc.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { airlock, behind, clientEnv, official } from './lib/paths.js';
import { Wire } from './lib/wire.js';

const AIM_START_MS = 20;
const AIM_RESIDENT_MB = 8;
const RUNS = 31;

/** Milliseconds from the start of `command` until a line that was sent at once has come back. */
function firstByte([program, ...args]) {
  return new Promise((resolve, reject) => {
    const began = process.hrtime.bigint();
    const child = spawn(program, args, { env: clientEnv(), stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', reject);
    child.on('exit', () => reject(new Error(`${program} ended without an answer`)));
    child.stdout.once('data', () => {
      resolve(Number(process.hrtime.bigint() - began) / 1e6);
      child.removeAllListeners('exit');
      child.stdin.end();
    });
    child.stdin.on('error', () => {});
    child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  });
}

async function median(command) {
  const times = [];
  for (let run = 0; run < RUNS; run++) times.push(await firstByte(command));
  return times.sort((a, b) => a - b)[RUNS >> 1];
}

/** Resident kilobytes of the process `pid` and of those below it that are Airlock too. */
function residentKb(pid) {
  const status = (id) => readFileSync(`/proc/${id}/status`, 'utf8');
  const field = (id, name) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status(id))?.[1];
  const own = readdirSync('/proc').filter((id) => {
    try {
      const isBelow = Number(id) === pid || Number(field(id, 'PPid')) === pid;
      return isBelow && readFileSync(`/proc/${id}/cmdline`, 'utf8').startsWith(`${airlock()}\0`);
    } catch {
      return false;
    }
  });
  return own.reduce((sum, id) => sum + Number(field(id, 'VmRSS')), 0);
}

async function resident() {
  const dir = mkdtempSync(join(tmpdir(), 'airlock-'));
  const client = new Wire(behind('permissive', official('filesystem', dir)));
  try {
    await client.initialize();
    await client.request('tools/list', {});
    return residentKb(client.child.pid) / 1024;
  } finally {
    await client.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

const alone = await median(['cat']);
const through = await median(behind('permissive', ['cat']));
const memory = await resident();
console.log(`start to first relayed byte: ${through.toFixed(1)} ms (cat alone ${alone.toFixed(1)} ms); aim: ${AIM_START_MS} ms more at most`);
console.log(`resident while idle: ${memory.toFixed(1)} MB; aim: ${AIM_RESIDENT_MB} MB at most`);
process.exitCode = through - alone <= AIM_START_MS && memory <= AIM_RESIDENT_MB ? 0 : 1;
