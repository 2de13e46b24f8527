// A Redis server of a test's own: on a port of the loopback, without persistence.
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `cargo xtask test --install` puts it when it may not install packages. */
const unpacked = fileURLToPath(new URL('../../../../.cache/redis/usr/', import.meta.url));

function program() {
  const own = join(unpacked, 'bin/redis-server');
  // Its libraries were unpacked beside it, in a folder for the machine's kind of processor.
  const libraries = existsSync(own) ? readdirSync(join(unpacked, 'lib')).map((name) => join(unpacked, 'lib', name)) : [];
  for (const [name, env] of [['redis-server', process.env], ['valkey-server', process.env], [own, { ...process.env, LD_LIBRARY_PATH: libraries.join(':') }]]) {
    if (spawnSync(name, ['--version'], { env }).status === 0) return { name, env };
  }
  return undefined;
}

const found = program();

/** Why tests with a server are skipped: loudly, and not where all must run. */
export function lack() {
  if (found || process.env.CI === 'true') return false;
  console.log('SKIPPED: redis-server is missing; cargo xtask test --install brings it');
  return 'redis-server is missing';
}

/** A port that nobody listens on just now. */
export async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

/** Starts a server that ends with the test. */
export async function redis(t) {
  const dir = mkdtempSync(join(tmpdir(), 'airlock-redis-'));
  // Another program may take the port before the server does: then another one is tried.
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const args = ['--port', port, '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'];
    const server = spawn(found.name, args, { env: found.env, stdio: 'ignore' });
    const ended = once(server, 'exit');
    const kill = async () => {
      server.kill('SIGKILL');
      await ended;
    };
    while (server.exitCode === null && !(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 5));
    if (server.exitCode !== null) continue;
    t.after(async () => {
      await kill();
      rmSync(dir, { recursive: true });
    });
    return { url: `redis://127.0.0.1:${port}/`, name: randomUUID(), kill };
  }
  throw new Error('redis-server does not start');
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (data) => end(String(data).startsWith('+PONG')));
    socket.on('error', () => end(false));
  });
}
