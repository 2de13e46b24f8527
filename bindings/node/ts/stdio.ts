// Standard input and output guarded as bytes, before any JSON.parse: what an SDK's reader loses (one of two equal keys,
// the digits of big integers, broken Unicode) is seen and refused.
import { once } from 'node:events';
import { PassThrough, type Readable, Writable } from 'node:stream';

import { Action, Connection, LIST_WAIT_MS } from './connection.js';
import { AirlockError } from './errors.js';
import type { Firewall } from './firewall.js';
import type { Guard } from './guard.js';
import { type AirlockOptions, guardOf, optionsOf } from './mcp.js';
import { Turns } from './turns.js';

/** A longer line ends the connection: the guard refuses messages above 10 MiB, but it must read them whole. */
const LONGEST = 32 << 20;

/** The streams that a server reads and writes in place of its own. */
export interface GuardedStdio {
  /** What the client says, as far as it passes. */
  readonly stdin: Readable;
  /** What goes to the client, as far as it passes. */
  readonly stdout: Writable;
}

/**
 * Guards a stdio server at the level of bytes. In place of `airlock`, not beside it:
 *
 * ```ts
 * import { guardStdio } from 'airlock-mcp/stdio';
 *
 * const { stdin, stdout } = guardStdio({ policy: 'policy.toml' });
 * await server.connect(new StdioServerTransport(stdin, stdout));
 * ```
 *
 * @param options as for `airlock`; `name` tells servers that share a guard apart
 * @throws PolicyError
 */
export function guardStdio(
  options: AirlockOptions | Guard | Firewall = {},
  stdin: Readable = process.stdin,
  stdout: Writable = process.stdout,
): GuardedStdio {
  const given = optionsOf(options);
  const turns = new Turns((error) => output.destroy(error as Error));
  const connection = new Connection(guardOf(given), given, given.name, () => given.name ?? '');
  const input = new PassThrough();
  let listed = (): void => {};
  const output = lineWriter(async (line) => {
    const { action, output: text } = await turns.ask(() => connection.server(line));
    listed();
    if (action === Action.Forward) await write(stdout, line);
    else if (text !== '') await write(stdout, text);
  });
  const listing = async (): Promise<void> => {
    const until = Date.now() + LIST_WAIT_MS;
    while (connection.isListing) {
      const request = connection.listRequest();
      if (request !== null) {
        await write(input, request);
        continue;
      }
      const left = until - Date.now();
      if (left <= 0) return connection.abandonList();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        listed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const decide = async (line: Uint8Array): Promise<void> => {
    for (;;) {
      const decision = connection.client(line);
      if (decision instanceof Promise) turns.during(decision.catch(() => {}));
      const { action, output: text } = await decision;
      switch (action) {
        case Action.Forward:
          return write(input, line);
        case Action.Replace:
          return write(input, text);
        case Action.Answer:
          return write(stdout, text);
        case Action.Hold:
          await listing();
          break;
        case Action.Drop:
          return;
      }
    }
  };
  const reader = lineWriter(decide);
  reader.on('finish', () => input.end());
  reader.on('error', (error) => input.destroy(error));
  stdin.pipe(reader);
  return { stdin: input, stdout: output };
}

/** Writes a line, and waits until there is room for the next. */
async function write(stream: Writable, line: string | Uint8Array): Promise<void> {
  stream.cork();
  stream.write(line);
  const hasRoom = stream.write('\n');
  stream.uncork();
  if (!hasRoom) await once(stream, 'drain');
}

/** A stream that hands over each line that is written to it, one after the other, the last one unended or not. */
function lineWriter(take: (line: Uint8Array) => Promise<void>): Writable {
  let rest: Buffer[] = [];
  let kept = 0;
  const lines = async (chunk: Buffer): Promise<void> => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, end)]);
      [rest, kept, from] = [[], 0, end + 1];
      await take(line);
    }
    if (from < chunk.length) {
      rest.push(Buffer.from(chunk.subarray(from)));
      kept += chunk.length - from;
    }
    if (kept > LONGEST) throw new AirlockError('a line is too long');
  };
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines(chunk).then(() => done(), done);
    },
    final(done) {
      const last = Buffer.concat(rest);
      (last.length > 0 ? take(last) : Promise.resolve()).then(() => done(), done);
    },
  });
}
