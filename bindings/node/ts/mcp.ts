// One line around an MCP server: its transport is wrapped below the SDK's own validation. Each message becomes
// text, the addon decides on the text, and what comes back is passed on, answered or dropped. Nothing is decided
// here; what is here is order: messages that came while a list of tools was on its way wait for it.
import { AirlockError } from './errors.js';
import { type Caller, Guard, type GuardOptions } from './guard.js';
import * as addon from './native.js';
import { native } from './native.js';
import type { StandardSchema } from './schema.js';

/** A transport of an MCP SDK; public members only. */
export interface Transport {
  start(): Promise<void>;
  send(message: never, options?: never): Promise<void>;
  onmessage?: ((message: never, extra?: never) => void) | undefined;
  onclose?: (() => void) | undefined;
  onerror?: ((error: Error) => void) | undefined;
  sessionId?: string | undefined;
}

/** What has a `connect`: a low-level `Server` of either SDK. */
interface Connectable {
  connect(transport: never, ...rest: never[]): Promise<unknown>;
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
  readonly outcome:
    | 'allowed'
    | 'dropped'
    | 'filtered'
    | 'refused'
    | 'rejected'
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
  /** The guard to use, when several servers share one, or when each request makes a server of its own. */
  readonly guard?: Guard;
  /** The policy of a guard of its own: see {@link GuardOptions.policy}. */
  readonly policy?: GuardOptions['policy'];
  /** Text of a policy in TOML, in place of `policy`. */
  readonly toml?: string;
  /** Path of the audit log, in place of the policy's. */
  readonly audit?: string;
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

/** How long to wait for the server's own list of tools. */
const LIST_WAIT_MS = 10_000;
/** Most sessions whose first strip is told. */
const MOST_TOLD = 1024;

/** What is known of a server that is guarded. */
interface Guarded {
  readonly guard: Guard;
  readonly options: AirlockOptions;
  /** The only tools whose calls are guarded; all when there is none. */
  readonly only: Set<string> | undefined;
}

const servers = new WeakMap<object, Guarded>();
const transports = new WeakSet<object>();
const told = new WeakMap<Guard, Set<string>>();

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
 * digits. `guardStdio` sees the bytes.
 *
 * @returns the same server
 * @throws {@link AirlockError} when it is connected or guarded already; {@link PolicyError}
 */
export function airlock<S extends McpServerLike>(server: S, options: AirlockOptions | Guard = {}): S {
  const inner = innermost(server);
  if (servers.has(inner)) throw new AirlockError('this server is guarded already');
  const given = options instanceof Guard ? { guard: options } : options;
  if (!given.guard && given.policy === undefined && given.toml === undefined) {
    warning(given)(
      'airlock: no policy, so the preset permissive: undeclared arguments are cut, wrong types refused, secrets ' +
        "masked. A policy also decides who may call what: airlock(server, { policy: 'policy.toml' })",
    );
  }
  guardServer(inner, given, undefined);
  return server;
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
 * secured on one server; the options of the first count.
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
  if (known) known.only?.add(name);
  else guardServer(inner, options, new Set([name]));
  return server.registerTool(name, config as never, handler as never);
}

function innermost(server: McpServerLike): Connectable {
  if (typeof server === 'function') return (server as { prototype: Connectable }).prototype;
  if ('server' in server && typeof server.server?.connect === 'function') return server.server;
  if ('connect' in server && typeof server.connect === 'function') return server;
  throw new TypeError('airlock guards an McpServer, a Server, or the class Server');
}

function guardServer(inner: Connectable, options: AirlockOptions, only: Set<string> | undefined): void {
  // `transport` of a class would be read from no instance.
  if (!Object.hasOwn(inner, 'constructor') && inner.transport !== undefined) {
    throw new AirlockError('guard the server before it connects: messages may have passed already');
  }
  const { policy, toml, audit } = options;
  const guard =
    options.guard ??
    new Guard({
      ...(policy === undefined ? {} : { policy }),
      ...(toml === undefined ? {} : { toml }),
      ...(audit === undefined ? {} : { audit }),
    });
  const guarded: Guarded = { guard, options, only };
  servers.set(inner, guarded);
  const connect = inner.connect;
  inner.connect = function (this: Connectable, transport: never, ...rest: never[]) {
    guardTransport(transport, guarded, options.name ?? stated(this));
    return connect.call(this, transport, ...rest);
  };
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
  const gate = new Gate(transport, guarded, name, (message, options) =>
    send.call(transport, message as never, options as never),
  );
  transport.send = (message, options) => gate.toClient(message, options);
  // The SDK sets its handler and then starts the transport: no message comes before.
  transport.start = () => {
    const { onmessage, onclose } = transport;
    gate.deliver = (message, extra) => onmessage?.call(transport, message as never, extra as never);
    transport.onmessage = (message, extra) => gate.toServer(message, extra);
    transport.onclose = () => {
      gate.close();
      onclose?.call(transport);
    };
    return start.call(transport);
  };
}

interface Message {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: { readonly name?: unknown };
}

/** One connection. */
class Gate {
  /** Hands a message to the server. */
  deliver: (message: unknown, extra: unknown) => void = () => {};
  readonly #link: addon.Link;
  readonly #transport: Transport;
  readonly #guarded: Guarded;
  readonly #name: string | undefined;
  readonly #send: (message: unknown, options?: unknown) => Promise<void>;
  readonly #waiting: { message: unknown; extra: unknown }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #agent: Caller | undefined;
  /** With guarded tools only: the calls of them that wait for their result. */
  readonly #calls = new Set<string | number>();

  constructor(
    transport: Transport,
    guarded: Guarded,
    name: string | undefined,
    send: (message: unknown, options?: unknown) => Promise<void>,
  ) {
    this.#transport = transport;
    this.#guarded = guarded;
    this.#name = name;
    this.#send = send;
    this.#link = guarded.guard.connect(name, guarded.options.onEvent !== undefined);
  }

  toServer(message: unknown, extra: unknown): void {
    if (this.#waiting.length > 0) this.#waiting.push({ message, extra });
    else this.#decide(message, extra);
  }

  async toClient(message: unknown, options: unknown): Promise<void> {
    if (this.#isOther(message)) return this.#send(message, options);
    let reply: number;
    try {
      reply = native.fromServer(this.#link, addon.write(textOf(message)), addon.io());
    } catch (error) {
      return this.#broken(message, options, error);
    }
    const code = reply & 7;
    if (code === FORWARD) {
      if (reply & EVENTS) this.#tell();
      if (this.#timer) this.#list();
      return this.#send(message, options);
    }
    const text = code === REPLACE ? this.#read(reply) : '';
    if (reply & EVENTS) this.#tell();
    if (this.#timer) this.#list();
    // A batch becomes one answer a line.
    for (const line of text.split('\n')) if (line !== '') await this.#send(JSON.parse(line), options);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
  }

  #decide(message: unknown, extra: unknown): void {
    if (this.#isOther(message)) return this.deliver(message, extra);
    let reply: number;
    try {
      this.#identify(extra as MessageExtra | undefined);
      reply = native.fromClient(this.#link, addon.write(textOf(message)), Date.now(), addon.io());
    } catch (error) {
      void this.#broken(message, undefined, error);
      return;
    }
    const code = reply & 7;
    const text = code === REPLACE || code === ANSWER ? this.#read(reply) : '';
    if (reply & EVENTS) this.#tell();
    switch (code) {
      case FORWARD:
        return this.deliver(message, extra);
      case REPLACE:
        return this.deliver(JSON.parse(text), extra);
      case ANSWER: {
        const answer = JSON.parse(text) as Message;
        this.#send(answer, { relatedRequestId: answer.id }).catch((error: unknown) => this.#report(error));
        return;
      }
      case HOLD:
        this.#waiting.unshift({ message, extra });
        this.#timer = setTimeout(() => {
          native.abandonList(this.#link);
          this.#list();
        }, LIST_WAIT_MS);
        this.#list();
        return;
      default:
    }
  }

  /** Asks the server for its tools, page by page; when it has answered, the messages that wait go on. */
  #list(): void {
    if (native.isListing(this.#link)) {
      const request = native.listRequest(this.#link);
      if (request !== null) this.deliver(JSON.parse(request), this.#waiting[0]?.extra);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting.splice(0);
    for (const { message, extra } of waiting) this.toServer(message, extra);
  }

  /** With guarded tools only: whether the message concerns none of them. */
  #isOther(message: unknown): boolean {
    const { only } = this.#guarded;
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

  #identify(extra: MessageExtra | undefined): void {
    const { options } = this.#guarded;
    const { agent = extra?.authInfo?.clientId, roles = [], tenant } = options.identify?.(extra) ?? options;
    const last = this.#agent;
    if (last?.agent === agent && last?.tenant === tenant && last?.roles === roles) return;
    if (agent !== undefined || tenant !== undefined || roles.length > 0 || last) {
      native.setClient(this.#link, agent, roles, tenant);
      this.#agent = { agent, roles, tenant };
    }
  }

  #read(reply: number): string {
    const bytes = Math.floor(reply / 256);
    if (reply & addon.SPILLED) {
      addon.reserve(bytes);
      native.takeLinkSpill(this.#link, addon.io());
    }
    return addon.read(bytes);
  }

  /** What the guard itself fails on does not pass; who waits for an answer gets an error. */
  async #broken(message: unknown, options: unknown, error: unknown): Promise<void> {
    this.#report(error);
    const { id } = (message ?? {}) as Message;
    if (id === undefined || id === null) return;
    const answer = { jsonrpc: '2.0', id, error: { code: -32603, message: 'the message could not be checked' } };
    await this.#send(answer, options ?? { relatedRequestId: id }).catch((failed: unknown) => this.#report(failed));
  }

  #report(error: unknown): void {
    this.#transport.onerror?.(error instanceof Error ? error : new Error(String(error)));
  }

  #tell(): void {
    const { guard, options } = this.#guarded;
    for (const line of native.takeEvents(this.#link).split('\n')) {
      if (line === '') continue;
      const event = JSON.parse(line) as GuardEvent;
      options.onEvent?.(event);
      if (event.outcome === 'withheld') {
        this.#once(guard, `${event.tool}`, `airlock: the tool ${quoted(event.tool)} is withheld: ${quoted(event.why)}`);
      } else if (event.outcome === 'allowed' && event.stripped && event.stripped.length > 0) {
        this.#once(
          guard,
          `\0${this.#transport.sessionId ?? this.#name ?? ''}`,
          `airlock: cut ${event.stripped.map(quoted).join(', ')} from a call of ${quoted(event.tool)}, which does not ` +
            'declare it; more in this session are not told (onEvent and the audit log have every one)',
        );
      }
    }
  }

  #once(guard: Guard, key: string, line: string): void {
    const keys = told.get(guard) ?? new Set();
    told.set(guard, keys);
    if (keys.has(key) || keys.size >= MOST_TOLD) return;
    keys.add(key);
    warning(this.#guarded.options)(line);
  }
}

/** What to do with a message, as in src/relay.rs. */
const FORWARD = 0;
const REPLACE = 1;
const ANSWER = 2;
const HOLD = 3;
const EVENTS = 8;

/** The text of a message; what has none is no message. */
function textOf(message: unknown): string {
  const text = JSON.stringify(message) as string | undefined;
  if (text === undefined) throw new TypeError('a message that is no JSON');
  return text;
}

/** Names that a model or a server wrote, safe to show. */
function quoted(text: unknown): string {
  return JSON.stringify(String(text).slice(0, 200));
}

function warning(options: AirlockOptions): (line: string) => void {
  return options.warn ?? ((line) => void process.stderr.write(`${line}\n`));
}
