// An MCP client reduced to lines: what was sent and what came back, byte for byte. The official client
// parses messages, so it cannot tell whether a relay changed them; this one can.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientEnv } from './paths.js';

/** How long to wait for what is sure to come: long enough for any machine. */
const PATIENCE_MS = 60_000;

export class Wire {
  /** Starts `command` (an array) with the environment of an MCP client. */
  constructor(command, { env, cwd } = {}) {
    const [program, ...args] = command;
    this.child = spawn(program, args, { env: clientEnv(env), cwd, stdio: 'pipe' });
    /** Every line of standard output, without its newline, in order. */
    this.lines = [];
    this.stderr = '';
    this.waiting = [];
    this.nextId = 0;
    let rest = Buffer.alloc(0);
    this.child.stdout.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let end; (end = rest.indexOf(10)) >= 0; rest = rest.subarray(end + 1)) {
        this.lines.push(rest.subarray(0, end).toString());
      }
      this.wake();
    });
    this.child.stdout.on('end', () => {
      /** What came after the last newline: a server that keeps to the protocol leaves nothing. */
      this.unterminated = rest.toString();
    });
    this.child.stderr.on('data', (chunk) => {
      this.stderr += chunk;
      this.wake();
    });
    this.child.stdin.on('error', () => {});
    this.exited = this.end();
    // A program that cannot be started shows in the waits; an unhandled rejection would hide which.
    this.exited.catch((error) => {
      this.closed = true;
      this.stderr += error;
      this.wake();
    });
  }

  /** The exit code or signal of the process, once its output is read too. */
  async end() {
    const closed = once(this.child, 'close');
    closed.catch(() => {});
    const [code, signal] = await once(this.child, 'exit');
    // A process that was left behind may hold the pipes open: they are not waited for long.
    await Promise.race([closed, sleep(500, undefined, { ref: false })]);
    this.closed = true;
    this.wake();
    return { code, signal };
  }

  wake() {
    for (const check of [...this.waiting]) check();
  }

  /** Writes bytes as they are. */
  write(bytes) {
    this.child.stdin.write(bytes);
  }

  /** Writes one line: text as it is, anything else as JSON. */
  send(message) {
    this.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  }

  /** Waits until `find()` returns something and returns that. */
  until(find, what) {
    return new Promise((resolve, reject) => {
      const settle = (end, value) => {
        clearTimeout(timer);
        this.waiting = this.waiting.filter((other) => other !== check);
        end(value);
      };
      const fail = (why) => {
        const state = `\nstdout: ${this.lines.join('\n')}\nstderr: ${this.stderr}`;
        settle(reject, new Error(`${why} while waiting for ${what}${state}`));
      };
      const check = () => {
        const found = find();
        if (found !== undefined && found !== false) settle(resolve, found);
        else if (this.closed) fail('the process ended');
      };
      const timer = setTimeout(() => fail('time ran out'), PATIENCE_MS);
      this.waiting.push(check);
      check();
    });
  }

  /** Waits for the line that answers `id`; `nth` counts from 0 among the answers to it. */
  reply(id, nth = 0) {
    return this.until(
      () => this.lines.filter((line) => isReplyTo(line, id))[nth],
      `reply ${nth} to ${JSON.stringify(id)}`,
    );
  }

  /** Sends a request and waits for its reply line. */
  request(method, params, id = this.nextId++) {
    this.send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
    return this.reply(id);
  }

  /** Calls a tool and waits for the reply line. */
  call(name, args, id) {
    return this.request('tools/call', { name, arguments: args }, id);
  }

  /** The handshake of a client without capabilities; returns the reply line. */
  async initialize(capabilities = {}) {
    const reply = await this.request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities,
      clientInfo: { name: 'airlock-e2e', version: '1' },
    });
    this.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return reply;
  }

  /** Waits for the end of the process, which is about to come. */
  ended() {
    const cancel = new AbortController();
    const end = this.exited.finally(() => cancel.abort());
    return Promise.race([end, late(cancel.signal)]);
  }

  /** Closes standard input and waits for the end of the process. */
  finish() {
    this.child.stdin.end();
    return this.ended();
  }

  /** Ends the process whatever state it is in; for `t.after`. */
  async stop() {
    if (!this.closed) this.child.kill('SIGKILL');
    await this.exited.catch(() => {});
    for (const pipe of this.child.stdio) pipe.destroy();
  }
}

/** Fails when a process takes too long to end; never after `signal`. */
async function late(signal) {
  await sleep(PATIENCE_MS, undefined, { ref: false, signal }).catch(() => new Promise(() => {}));
  throw new Error(`the process did not end within ${PATIENCE_MS / 1000} s`);
}

/** Starts a wire client that stops with the test `t`. */
export function wire(t, command, options) {
  const client = new Wire(command, options);
  t.after(() => client.stop());
  return client;
}

/** Whether `line` is a result or an error for `id`; the types of ids matter. */
function isReplyTo(line, id) {
  try {
    const message = JSON.parse(line);
    return message.method === undefined && 'id' in message && message.id === id;
  } catch {
    return false;
  }
}
