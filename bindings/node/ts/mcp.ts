// One line around an MCP server: its transport is wrapped below the SDK's own validation. Each message becomes
// text, the addon decides on the text, and what comes back is passed on, answered or dropped. Nothing is decided
// here; what is here is order: messages that came while a list of tools was on its way wait for it.
import { AsyncResource } from 'node:async_hooks';

import { Action, Connection, type Decision, LIST_WAIT_MS, warn } from './connection.js';
import { AirlockError } from './errors.js';
import { Firewall } from './firewall.js';
import { type Caller, Guard, type GuardOptions } from './guard.js';
import { takeBody } from './body.js';
import type { StandardSchema } from './schema.js';
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

/** What has a `connect`: a low-level `Server` of either SDK. */
export interface Connectable {
  /** Begins to serve a client. */
  connect(transport: never, ...rest: never[]): Promise<unknown>;
  /** The transport, once it serves. */
  readonly transport?: unknown;
}

/**
 * A server to guard: an `McpServer` or a `Server` of `@modelcontextprotocol/sdk` or `@modelcontextprotocol/server`, or
 * the class `Server` itself, for frameworks that make servers of their own.
 */
export type McpServerLike = Connectable | { readonly server: Connectable } | { readonly prototype: Connectable };

/** One decision on a message. No value of an argument and no piece of an output is in it. */
export interface GuardEvent {
  readonly direction: 'to_server' | 'to_client';
  readonly tool: string | null;
  readonly agent: string | null;
  /** `shown`: a tool that has changed, and that the policy shows all the same. */
  readonly outcome:
    | 'allowed'
    | 'dropped'
    | 'filtered'
    | 'refused'
    | 'rejected'
    | 'shown'
    | 'unchecked'
    | 'warned'
    | 'withheld';
  /** Pointers of what was cut from the arguments. */
  readonly stripped?: readonly string[];
  readonly repaired?: readonly string[];
  readonly reason?: string;
  readonly rule?: string | null;
  readonly masked?: number;
  readonly truncated?: boolean;
  readonly code?: number;
  readonly why?: string;
  readonly would?: string;
}

/** What the SDK says of where a message came from. */
export interface MessageExtra {
  /** What the HTTP transport has verified of the caller. */
  readonly authInfo?: { readonly clientId?: string; readonly scopes?: readonly string[] } | undefined;
  readonly [name: string]: unknown;
}

/** How to guard a server. */
export interface AirlockOptions extends Caller {
  /**
   * The guard to use, when several servers share one, or when each request makes a server of its own; or a firewall, which
   * also has a kill file, pins, a store of limits for many processes, and a policy that can be changed while servers run.
   */
  readonly guard?: Guard | Firewall;
  /** The policy of a guard of its own: see {@link GuardOptions.policy}. */
  readonly policy?: GuardOptions['policy'];
  /** Text of a policy in TOML, in place of `policy`. */
  readonly toml?: string;
  /** Path of the audit log, in place of the policy's. */
  readonly audit?: string;
  /**
   * Tools that take another spelling of what they declare: see {@link GuardOptions.coerce}. Of `secureTool`, `true` is
   * its tool. With a `guard`, an option of that guard.
   */
  readonly coerce?: GuardOptions['coerce'];
  /**
   * Who sends a message. Default: `agent`, `roles` and `tenant` of these options, and for the agent else the
   * `clientId` that the HTTP transport has verified. Never trust what a client says of itself.
   */
  readonly identify?: (extra: MessageExtra | undefined) => Caller | undefined;
  /**
   * The name of the server: connections to servers of one name share under one guard what was learned of their tools.
   * Default: the name and version that the server states. Servers with different tools need different names.
   */
  readonly name?: string;
  /** Hears of every decision, in order. */
  readonly onEvent?: (event: GuardEvent) => void;
  /** Where lines for the operator go. Default: standard error. */
  readonly warn?: (line: string) => void;
}

/** Who is at this end of a connection. */
type Side = 'server' | 'client';

/** What is known of a server or a client that is guarded. */
interface Guarded {
  guard: Guard | Firewall;
  options: AirlockOptions;
  isConnected: boolean;
  readonly side: Side;
  /** The only tools whose calls are guarded; all when there is none. */
  readonly only: Set<string> | undefined;
}

const servers = new WeakMap<object, Guarded>();
const transports = new WeakSet<object>();

/**
 * Guards an MCP server: call it before the server connects, and use the server as before.
 *
 * ```ts
 * const server = airlock(new McpServer({ name, version }), { policy: 'policy.toml' });
 * ```
 *
 * Undeclared arguments are cut and reported, wrong types refused before the SDK converts them, the policy decides on
 * every call, and what tools return is masked and cut. State lives in the guard: where each request makes a new
 * server, make one `Guard` and pass it as `guard`.
 *
 * What an SDK has parsed no longer shows: of two equal keys the last one is seen, and integers beyond 2^53 have lost
 * digits. `guardStdio` of `airlock-mcp/stdio` and `rawBody` of `airlock-mcp/http` see the bytes.
 *
 * @returns the same server
 * @throws {@link AirlockError} when it is connected or guarded already; {@link PolicyError}
 */
export function airlock<S extends McpServerLike>(server: S, options: AirlockOptions | Guard | Firewall = {}): S {
  guardWhole(innermost(server), options, 'server');
  return server;
}

/**
 * Guards an MCP client of either SDK against the server that it connects to: calls are decided on before they leave, and
 * what comes back is masked and cut. With a firewall that has a `pinFile` a tool that the server changes is withheld.
 *
 * ```ts
 * const client = guardClient(new Client({ name, version }), { guard: firewall, name: 'shop' });
 * await client.connect(transport);
 * ```
 *
 * `name` is that of the server, as you know it. A refused call is a result with `isError`, as from the server.
 *
 * @returns the same client
 * @throws {@link AirlockError} when it is connected or guarded already; {@link PolicyError}
 */
export function guardClient<C extends Connectable>(client: C, options: AirlockOptions | Guard | Firewall = {}): C {
  guardWhole(client, options, 'client');
  return client;
}

function guardWhole(inner: Connectable, options: AirlockOptions | Guard | Firewall, side: Side): void {
  if (servers.has(inner)) throw new AirlockError(`this ${side} is guarded already`);
  const given = optionsOf(options);
  if (!given.guard && given.policy === undefined && given.toml === undefined) {
    warn(
      given,
      'airlock: no policy, so the preset permissive: undeclared arguments are cut, wrong types refused, secrets ' +
        "masked. A policy also decides who may call what: airlock(server, { policy: 'policy.toml' })",
    );
  }
  guardPeer(inner, given, undefined, side);
}

/** What `registerTool` of the SDKs takes beside a tool's name. */
export interface ToolConfig<Input> {
  /** A Standard Schema, or with SDK v1 an object of them. */
  readonly inputSchema?: Input;
  /** What else the SDK takes: `title`, `description`, `outputSchema`, `annotations`, … */
  readonly [member: string]: unknown;
}

/** What the handler of a tool with this input schema gets. */
export type ToolArguments<Input> =
  Input extends StandardSchema<infer _, infer Output>
    ? Output
    : { [Name in keyof Input]: Input[Name] extends StandardSchema<infer _, infer Output> ? Output : unknown };

/**
 * Registers one tool and guards its calls; the other tools of the server stay as they are. Several tools may be
 * secured on one server; the options of the first count, but for `coerce`, which each has for itself.
 *
 * @param config what `registerTool` of the server takes
 * @returns what `registerTool` returns
 * @throws {@link AirlockError} when the server is connected already
 */
export function secureTool<Input>(
  server: McpServerLike & { registerTool(name: string, config: never, handler: never): unknown },
  name: string,
  config: ToolConfig<Input>,
  handler: (args: ToolArguments<Input>, extra: any) => unknown,
  options: AirlockOptions = {},
): unknown {
  const inner = innermost(server);
  const known = servers.get(inner);
  const coerce = options.coerce === true ? [name] : options.coerce;
  if (!known) guardPeer(inner, coerce ? { ...options, coerce } : options, new Set([name]), 'server');
  else if (coerce) widen(known, coerce);
  known?.only?.add(name);
  return server.registerTool(name, config as never, handler as never);
}

/** Has another guard made, which takes other spellings in more tools. */
function widen(known: Guarded, coerce: string | readonly string[]): void {
  if (known.isConnected) throw new AirlockError('secure a tool with `coerce` before the server connects');
  const { coerce: before = [] } = known.options;
  const all = before === true ? true : [...(before || []), coerce].flat();
  const options = { ...known.options, coerce: all };
  known.guard = guardOf(options);
  known.options = options;
}

function innermost(server: McpServerLike): Connectable {
  if (typeof server === 'function') return (server as { prototype: Connectable }).prototype;
  if ('server' in server && typeof server.server?.connect === 'function') return server.server;
  if ('connect' in server && typeof server.connect === 'function') return server;
  throw new TypeError('airlock guards an McpServer, a Server, or the class Server');
}

function guardPeer(inner: Connectable, options: AirlockOptions, only: Set<string> | undefined, side: Side): void {
  // `transport` of a class would be read from no instance.
  if (!Object.hasOwn(inner, 'constructor') && inner.transport !== undefined) {
    throw new AirlockError(`guard the ${side} before it connects: messages may have passed already`);
  }
  const guard = guardOf(options);
  const guarded: Guarded = { guard, options, only, side, isConnected: false };
  servers.set(inner, guarded);
  const connect = inner.connect;
  inner.connect = async function (this: Connectable, transport: never, ...rest: never[]) {
    guarded.isConnected = true;
    guardTransport(transport, guarded, options.name ?? stated(this));
    return connect.call(this, transport, ...rest);
  };
}

/** Options in place of a guard alone. */
export function optionsOf(options: AirlockOptions | Guard | Firewall): AirlockOptions {
  return options instanceof Guard || options instanceof Firewall ? { guard: options } : options;
}

/** The guard of `options`, or one of its own. */
export function guardOf({ guard, policy, toml, audit, coerce }: AirlockOptions): Guard | Firewall {
  if (guard && coerce !== undefined) throw new AirlockError('say what to `coerce` where the guard is made');
  if (guard) return guard;
  return new Guard({
    ...(coerce === undefined ? {} : { coerce }),
    ...(policy === undefined ? {} : { policy }),
    ...(toml === undefined ? {} : { toml }),
    ...(audit === undefined ? {} : { audit }),
  });
}

/** The name and version that a server states to clients. */
function stated(server: object): string | undefined {
  const { _serverInfo: info } = server as { _serverInfo?: { name?: unknown; version?: unknown } };
  return info ? `${String(info.name)} ${String(info.version)}` : undefined;
}

function guardTransport(transport: Transport, guarded: Guarded, name: string | undefined): void {
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
