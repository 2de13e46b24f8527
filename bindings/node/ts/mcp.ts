// One line around an MCP server, or a client: its transport is wrapped below the SDK's own validation. Nothing is decided
// here; see gate.ts.
import { warn } from './connection.js';
import { AirlockError } from './errors.js';
import { Firewall } from './firewall.js';
import { guardTransport } from './gate.js';
import { type Caller, Guard, type GuardOptions } from './guard.js';
import type { StandardSchema } from './schema.js';

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
export interface Guarded {
  guard: Guard | Firewall;
  options: AirlockOptions;
  isConnected: boolean;
  readonly side: Side;
  /** The only tools whose calls are guarded; all when there is none. */
  readonly only: Set<string> | undefined;
}

const servers = new WeakMap<object, Guarded>();

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
