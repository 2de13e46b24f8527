// Where things are: the binary under test, the official servers, a folder for one test.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';

const here = fileURLToPath(new URL('..', import.meta.url));

/** The `airlock` binary under test; the runner names it, so that no stale build is tested by chance. */
export function airlock() {
  const path = process.env.AIRLOCK_BIN;
  if (!path) throw new Error('set AIRLOCK_BIN to the airlock binary, or run `cargo xtask test`');
  return path;
}

/** The command line of an official server. */
export const official = (name, ...args) => [
  process.execPath,
  join(here, 'node_modules/@modelcontextprotocol', `server-${name}`, 'dist/index.js'),
  ...args,
];

/** The command line of the scripted server in lib/fake_server.js. */
export const fake = (...args) => [process.execPath, join(here, 'lib/fake_server.js'), ...args];

/** The command line that puts Airlock in front of `command`. */
export const behind = (policy, command, ...options) => [
  airlock(),
  'run',
  '--policy',
  policy,
  ...options,
  '--',
  ...command,
];

/** The few variables that MCP clients hand to a server, and `more`. */
export const clientEnv = (more = {}) => ({ ...getDefaultEnvironment(), ...more });

/** A new folder that is removed when the test `t` ends. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'airlock-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
