// The bytes of a request over HTTP, from where they are read to the guard of the server that they reach: an SDK between
// the two parses them and passes on only what is left.
import { AsyncLocalStorage } from 'node:async_hooks';

/** The messages of a request that have not reached a server yet, in order. */
interface Body {
  /** Nothing where the messages cannot be told apart. */
  readonly messages: readonly Uint8Array[] | null;
  taken: number;
}

const bodies = new AsyncLocalStorage<Body>();

/** Runs `run` while messages that reach a guard are those of the body that has `messages`. */
export function withBody<T>(messages: readonly Uint8Array[] | null, run: () => T): T {
  return bodies.run({ messages, taken: 0 }, run);
}

/**
 * The bytes of the message that has reached a guard; nothing where they are not known, `null` where there are bytes
 * and this message is none of them. Each is taken once: what a server itself sends later is of no body.
 */
export function takeBody(): Uint8Array | undefined | null {
  const body = bodies.getStore();
  if (!body) return undefined;
  if (body.messages === null) return null;
  return body.messages[body.taken++];
}
