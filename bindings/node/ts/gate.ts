// What passes over the transport of a guarded server or client. Each message becomes text, the addon decides on the text,
// and what comes back is passed on, answered or dropped. What is here is order: messages that came while a list of tools
// was on its way, or while a store was asked, wait for it.
import { AsyncResource } from 'node:async_hooks';

import { takeBody } from './body.js';
import { Action, Connection, type Decision, LIST_WAIT_MS } from './connection.js';
import { AirlockError } from './errors.js';
import type { Guarded, MessageExtra } from './mcp.js';
import { textOf } from './text.js';
import { Turns } from './turns.js';

/** A transport of an MCP SDK; public members only. */
export interface Transport {
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  onmessage?: ((message: never, extra?: never) => unknown) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  sessionId?: string | undefined;
}

const transports = new WeakSet<object>();

/** Guards what passes over a transport; a transport is guarded once. */
export function guardTransport(transport: Transport, guarded: Guarded, name: string | undefined): void {
  if (transports.has(transport)) return;
  transports.add(transport);
  const { start, send } = transport;
  const isServer = guarded.side === 'server';
  const gate = new Gate(transport, guarded, name);
  const out: Sink = (message, options) => send.call(transport, message as never, options as never);
  if (isServer) {
    gate.send = out;
    transport.send = (message, options) => gate.toClient(message, options);
  } else {
    gate.deliver = out;
    transport.send = (message, extra) => new Promise((done) => gate.toServer({ message, extra, done }));
  }
  // The SDK sets its handler and then starts the transport: no message comes before.
  transport.start = () => {
    const { onmessage, onclose } = transport;
    const back = (message: unknown, extra: unknown): void => void onmessage?.call(transport, message as never, extra as never);
    if (isServer) {
      gate.deliver = back;
      transport.onmessage = (message, extra) => gate.receive(message, extra);
    } else {
      gate.send = async (message, extra) => back(message, extra);
      transport.onmessage = (message, extra) => gate.toClient(message, extra).catch((error: Error) => transport.onerror?.(error));
    }
    transport.onclose = () => {
      gate.close();
      onclose?.call(transport);
    };
    return start.call(transport);
  };
}

/** Takes a message, and what the SDK says beside it. */
type Sink = (message: unknown, beside?: unknown) => Promise<void>;

interface Message {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: { readonly name?: unknown };
}

/** A message of the client. */
interface Incoming {
  readonly message: unknown;
  readonly extra: unknown;
  /** Its bytes, where they are known: see `airlock-mcp/http`. */
  readonly bytes?: Uint8Array;
  /** Hears that it has gone its way; `passed` fails when it could not be passed on. */
  readonly done?: (passed?: void | Promise<void>) => void;
}

/** A message that waits, and how it goes on: in the asynchronous context in which it came. */
interface Waiting extends Incoming {
  readonly goOn: () => void;
}

function read(bytes: Uint8Array): Message | undefined {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as Message;
  } catch {
    return undefined;
  }
}

const nowhere = async (): Promise<void> => {};

/** One connection, between a transport and a server, or a client and a transport. */
class Gate {
  /** Hands a message to the server. */
  deliver: (message: unknown, extra?: unknown) => void | Promise<void> = nowhere;
  /** Hands a message to the client. */
  send: Sink = nowhere;
  readonly #connection: Connection;
  readonly #transport: Transport;
  readonly #only: ReadonlySet<string> | undefined;
  readonly #isServer: boolean;
  /** Messages that wait for the server's list of tools, in order. */
  readonly #waiting: Waiting[] = [];
  readonly #turns = new Turns((error) => this.#report(error));
  #timer: NodeJS.Timeout | undefined;
  /** With guarded tools only: the calls of them that wait for their result. */
  readonly #calls = new Set<string | number>();

  constructor(transport: Transport, { guard, options, only, side }: Guarded, name: string | undefined) {
    this.#transport = transport;
    this.#only = only;
    this.#isServer = side === 'server';
    this.#connection = new Connection(guard, options, name, () => transport.sessionId ?? name ?? '');
  }

  /** A message that came over the wire to a server. */
  receive(message: unknown, extra: unknown): void {
    const bytes = takeBody();
    if (bytes === undefined) return this.toServer({ message, extra });
    const said = bytes && read(bytes);
    const { id, method } = message as Message;
    if (!said || said.id !== id || said.method !== method) {
      return void this.#broken(message, undefined, new AirlockError('a message is not what the request says'));
    }
    // What is decided on is what the server gets, whatever a reader between has made of it.
    this.toServer({ message: said, extra, bytes });
  }

  toServer(incoming: Incoming): void {
    this.#turns.do(() => this.#receive(incoming));
  }

  #receive(incoming: Incoming): void {
    if (this.#waiting.length > 0) this.#waiting.push(this.#later(incoming));
    else this.#decide(incoming);
  }

  #later(incoming: Incoming): Waiting {
    return { ...incoming, goOn: AsyncResource.bind(() => this.#receive(incoming)) };
  }

  toClient(message: unknown, options: unknown): Promise<void> {
    return Promise.resolve(this.#turns.ask(() => this.#answer(message, options)));
  }

  #answer(message: unknown, options: unknown): Promise<void> {
    if (this.#isOther(message)) return this.send(message, options);
    const connection = this.#connection;
    let decision: Decision;
    try {
      decision = connection.server(textOf(message));
    } catch (error) {
      return this.#broken(message, options, error);
    }
    const { action, output } = decision;
    if (this.#timer) this.#list();
    if (action === Action.Forward) return this.send(message, options);
    return this.#sendLines(output, options);
  }

  /** A batch becomes one answer a line; what is dropped has no line. */
  async #sendLines(lines: string, options: unknown): Promise<void> {
    for (const line of lines.split('\n')) if (line !== '') await this.send(JSON.parse(line), options);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
  }

  #decide(incoming: Incoming): void {
    const { message, extra, bytes, done } = incoming;
    if (this.#isOther(message)) return this.#pass(incoming, message);
    // A server is told by its transport who sends a message; a client sends its own.
    const sender = this.#isServer ? (extra as MessageExtra | undefined) : undefined;
    const broken = (error: unknown): void => {
      void this.#broken(message, undefined, error);
      done?.();
    };
    let decision: Decision | Promise<Decision>;
    try {
      decision = this.#connection.client(bytes ?? textOf(message), sender);
    } catch (error) {
      return broken(error);
    }
    if (!(decision instanceof Promise)) return this.#act(incoming, decision);
    this.#turns.during(decision.then((it) => this.#act(incoming, it)).catch(broken));
  }

  #pass({ extra, done }: Incoming, message: unknown): void {
    const passed = this.deliver(message, extra);
    done?.(passed);
  }

  #act(incoming: Incoming, { action, output }: Decision): void {
    switch (action) {
      case Action.Forward:
        return this.#pass(incoming, incoming.message);
      case Action.Replace:
        return this.#pass(incoming, JSON.parse(output));
      case Action.Answer: {
        const answer = JSON.parse(output) as Message;
        this.send(answer, { relatedRequestId: answer.id }).catch((error: unknown) => this.#report(error));
        return incoming.done?.();
      }
      case Action.Hold:
        this.#waiting.unshift(this.#later(incoming));
        this.#timer = setTimeout(() => {
          this.#turns.do(() => {
            this.#connection.abandonList();
            this.#list();
          });
        }, LIST_WAIT_MS);
        this.#list();
        return;
      case Action.Drop:
        return incoming.done?.();
    }
  }

  /** Asks the server for its tools, page by page; when it has answered, the messages that wait go on. */
  #list(): void {
    if (this.#connection.isListing) {
      const request = this.#connection.listRequest();
      if (request !== null) this.#ask(JSON.parse(request));
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#turns.doFirst(this.#waiting.splice(0).map(({ goOn }) => goOn));
  }

  /** Sends the server a request of ours. */
  #ask(request: unknown): void {
    const passed = this.deliver(request, this.#isServer ? this.#waiting[0]?.extra : undefined);
    passed?.catch((error: unknown) => this.#report(error));
  }

  /** With guarded tools only: whether the message concerns none of them. */
  #isOther(message: unknown): boolean {
    const only = this.#only;
    if (!only || typeof message !== 'object' || message === null || Array.isArray(message)) return false;
    const { id, method, params } = message as Message;
    switch (method) {
      case undefined:
        if (typeof id === 'string' && id.startsWith('airlock:')) return false;
        return id === undefined || id === null || !this.#calls.delete(id);
      case 'tools/call': {
        // Their number is bounded by that of the calls in flight, which the relay bounds.
        const isGuarded = typeof params?.name === 'string' && only.has(params.name);
        if (isGuarded && id !== undefined && id !== null) this.#calls.add(id);
        return !isGuarded;
      }
      case 'notifications/cancelled':
      case 'notifications/tools/list_changed':
        return false;
      default:
        return true;
    }
  }

  /** What the guard itself fails on does not pass; who waits for an answer gets an error. */
  async #broken(message: unknown, options: unknown, error: unknown): Promise<void> {
    this.#report(error);
    const { id } = (message ?? {}) as Message;
    if (id === undefined || id === null) return;
    const answer = { jsonrpc: '2.0', id, error: { code: -32603, message: 'the message could not be checked' } };
    await this.send(answer, options ?? { relatedRequestId: id }).catch((failed: unknown) => this.#report(failed));
  }

  #report(error: unknown): void {
    this.#transport.onerror?.(error instanceof Error ? error : new Error(String(error)));
  }
}
