// The guard: compile once, then check calls and filter outputs. Nothing is decided here.
import { type Json, REASONS, type Reason, type Refusal, RefusalError, type Violation, typed } from './errors.js';
import * as addon from './native.js';
import { native } from './native.js';
import { type GuardedSchema, type StandardSchema, guardSchema } from './schema.js';

/** A JSON Schema. */
export type JsonSchema = { readonly [keyword: string]: unknown } | boolean;

/** A tool as MCP's `tools/list` has it. Other members are ignored. */
export interface ToolDefinition {
  /** The name, compared byte for byte. */
  readonly name: string;
  /** JSON Schema of the arguments: 2020-12, or the dialect that it names. */
  readonly inputSchema: JsonSchema;
  /** JSON Schema of structured output. */
  readonly outputSchema?: JsonSchema;
}

/** A policy document, as a file of it in JSON: see `docs/policy.md`. */
export type PolicyDocument = { readonly [key: string]: unknown };

/** Where a policy comes from. */
export interface PolicySource {
  /**
   * The name of a preset (`permissive`, `read_only`, `strict`), the path of a policy file (`.toml` or `.json`), or
   * the document itself. Without one, `permissive`: arguments are validated, secrets masked, no tool is denied.
   */
  readonly policy?: string | PolicyDocument;
  /** Text of a policy in TOML, in place of `policy`. */
  readonly toml?: string;
}

/** What to compile a guard from. */
export interface GuardOptions extends PolicySource {
  /**
   * The tools whose calls can be checked, or their JSON text; those of an MCP server are learned from its own list.
   */
  readonly tools?: readonly ToolDefinition[] | string;
  /** A tool whose schema cannot be honoured: `throw` (the default), or `refuse` its calls. */
  readonly unsupported?: 'throw' | 'refuse';
  /** Whether `format` in schemas is checked. Default: it is a remark. */
  readonly assertFormats?: boolean;
  /** What becomes of a ghost that is probably a misspelling; without this, what the policy says. */
  readonly nearMiss?: 'refuse' | 'strip';
  /** Path of the audit log, in place of the policy's. What the MCP connections of this guard decide is recorded. */
  readonly audit?: string;
  /**
   * Patterns of tools that take another spelling of what they declare, `"100"` for an integer: the repair `scalar` of
   * the policy, besides what it says itself. `true`: every tool. What was repaired is reported.
   */
  readonly coerce?: boolean | string | readonly string[];
  /** The key of masks in the style `hash`: 16 bytes or more, text as UTF-8. */
  readonly maskKey?: string | Uint8Array;
}

/** Who calls, as the operator vouches for it; never what a model or a client says of itself. */
export interface Caller {
  /** Name of the agent. */
  readonly agent?: string | undefined;
  /** Roles of the agent; without them those of the policy's entry for the agent. */
  readonly roles?: readonly string[] | undefined;
  /** Tenant that the agent works for; without it that of the policy's entry. */
  readonly tenant?: string | undefined;
}

/** Who calls, in which session, and when. */
export interface CallContext extends Caller {
  /** The session that the call belongs to, as the host names it: limits may count by it, and a firewall remembers it. */
  readonly session?: string | undefined;
  /** The moment of the call in Unix milliseconds. Default: now. `null`: unknown, so that rules about time cannot hold. */
  readonly now?: number | Date | null;
}

/** Everything about a decision, also what only the operator may see. */
export interface Details {
  readonly decision: 'allow' | 'block';
  readonly reason: Reason | null;
  /** The rule that decided; none for the default. */
  readonly rule: string | null;
  /** The exact text to pass on, for an allowed call. */
  readonly arguments_text: string | null;
  /** RFC 6901 pointers of what was cut. */
  readonly stripped: readonly string[];
  /** Pointers of values that were replaced by what they spell. */
  readonly repaired: readonly string[];
  readonly violations: readonly Violation[];
  /** Near misses: the pointer, and the name or value that was probably meant. */
  readonly suggest: readonly { readonly path: string; readonly to: string }[];
  /** What would have become of the call if rules in shadow mode were in force. */
  readonly would?: Reason | 'allow';
  readonly would_rule?: string | null;
  /** Why, for the operator, where the policy hides it from the model. */
  readonly cause?: Reason;
  readonly hint?: string | null;
  readonly approval_ms?: number;
  /** The refusal for the model, as text. */
  readonly refusal?: string;
}

/** Arguments: JSON text, its bytes, or an object that becomes text. */
export type Arguments = string | Uint8Array | object;

/** The answer to a call: `allowed` tells which. */
export type Verdict = Allowed | Refused;

/** Details are asked for as a rule only of calls that are refused, so they are made when they are. */
abstract class Decided {
  readonly #explain: () => string;
  #details: Details | undefined;

  constructor(explain: () => string) {
    this.#explain = explain;
  }

  /** Everything about the decision, for the operator. */
  get details(): Details {
    this.#details ??= JSON.parse(this.#explain()) as Details;
    return this.#details;
  }

  /** RFC 6901 pointers of the arguments that the tool does not declare and that were cut. */
  get stripped(): readonly string[] {
    return this.details.stripped;
  }
}

/** The call may run, with `arguments`. */
export class Allowed extends Decided {
  readonly allowed = true;
  /** The JSON text to pass on: what came in, when nothing was cut or repaired. */
  readonly arguments: string;
  /** Whether something was cut or repaired. */
  readonly changed: boolean;

  /** @internal */
  constructor(args: string, changed: boolean, explain: () => string) {
    super(explain);
    this.arguments = args;
    this.changed = changed;
  }

  /** The arguments as an object. Numbers beyond 2^53 lose digits here; they are whole in `arguments`. */
  get value(): { [name: string]: Json } {
    return JSON.parse(this.arguments) as { [name: string]: Json };
  }
}

/** The call must not run. */
export class Refused extends Decided {
  readonly allowed = false;
  /** Why. */
  readonly reason: Reason;

  /** @internal */
  constructor(reason: Reason, explain: () => string) {
    super(explain);
    this.reason = reason;
  }

  /** The refusal for the model: JSON text of at most 2,048 bytes. */
  get text(): string {
    return this.details.refusal ?? '';
  }

  /** The refusal for the model, read. */
  get refusal(): Refusal {
    return JSON.parse(this.text) as Refusal;
  }

  /** What is wrong, one by one. */
  get violations(): readonly Violation[] {
    return this.details.violations;
  }

  /** The refusal as an error to throw. */
  error(): RefusalError {
    return new RefusalError(this.text);
  }
}

/** How to read an output. */
export interface FilterOptions {
  /** Whether it is a JSON document whatever it looks like. */
  readonly json?: boolean;
}

/** An output that may be shown. */
export interface Filtered<T extends string | Uint8Array> {
  /** What to show: what came in, when nothing was masked or cut. */
  readonly output: T;
  /** How many values were masked. */
  readonly masked: number;
  /** Whether something was cut off. */
  readonly truncated: boolean;
}

/**
 * A policy and tools, compiled once. Immutable; `check` and `filter` are pure and take microseconds.
 *
 * ```ts
 * const guard = new Guard({ policy: 'policy.toml', tools });
 * const verdict = guard.check('transfer', '{"amount":100,"note":"made up"}');
 * if (verdict.allowed) run(verdict.arguments); // {"amount":100}
 * else reply(verdict.text);                    // for the model
 * ```
 */
export class Guard {
  readonly #owner: addon.Owner;
  readonly #slot: number;
  readonly #options: GuardOptions;
  readonly #tools = new Map<string, number>();
  /** Whether the moment of a call matters. */
  readonly #hasWindows: boolean;
  #caller: CallContext = NOBODY;

  /**
   * @throws {@link PolicyError} when the policy cannot be read or honoured
   * @throws {@link ToolError} when a tool cannot be honoured
   * @throws {@link AuditError} when the audit log cannot be opened
   */
  constructor(options: GuardOptions = {}) {
    this.#options = options;
    this.#owner = (options as Adopted)[ADOPTED] ?? compile(options);
    this.#slot = native.slot(this.#owner);
    this.#hasWindows = native.hasWindows(this.#slot);
    native.toolNames(this.#slot).forEach((name, number) => this.#tools.set(name, number));
  }

  /** Names of the tools that the guard was compiled with. */
  get tools(): readonly string[] {
    return [...this.#tools.keys()];
  }

  /** What may be wrong with the tools' schemas, like a keyword that does not exist. */
  get warnings(): readonly string[] {
    return native.warnings(this.#slot);
  }

  /** Decides on a call. Pure: nothing is charged or remembered. */
  check(tool: string, args: Arguments, call?: CallContext): Verdict {
    const now = call?.now !== undefined ? moment(call.now) : this.#hasWindows ? Date.now() : Number.NaN;
    if (typeof args !== 'string') return this.#checkOther(tool, args, now, call);
    if (!args.isWellFormed()) return this.#checkOther(tool, addon.brokenBytes(args), now, call);
    const code = native.check(this.#slot, this.#prepare(tool, call), now, args);
    const explain = (): string => native.explain(this.#slot, this.#prepare(tool, call), now, args);
    if (code === 0) return new Allowed(args, false, explain);
    if (code === 1) return new Allowed(native.takeText(this.#slot), true, explain);
    return new Refused(reasonOf(code), explain);
  }

  /**
   * Decides on a call and returns the text to pass on.
   * @throws {@link RefusalError} when it is refused
   */
  enforce(tool: string, args: Arguments, call?: CallContext): string {
    const verdict = this.check(tool, args, call);
    if (!verdict.allowed) throw verdict.error();
    return verdict.arguments;
  }

  /**
   * Masks secrets and personal data in the output of a tool, then cuts it, as the policy says. Text that is a JSON
   * object or array stays JSON.
   * @throws {@link RefusalError} when it cannot be made safe; then nothing of it may be shown
   */
  filter(tool: string, output: string, options?: FilterOptions): Filtered<string>;
  filter(tool: string, output: Uint8Array, options?: FilterOptions): Filtered<Uint8Array>;
  filter(tool: string, output: string | Uint8Array, { json = false }: FilterOptions = {}): Filtered<string | Uint8Array> {
    const number = this.#number(tool);
    const isText = typeof output === 'string';
    const code = native.filter(this.#slot, number, json, output);
    if (code === 0) return { output: isText ? output.toWellFormed() : output, masked: 0, truncated: false };
    if (code >= addon.REFUSED) throw new RefusalError(native.takeText(this.#slot));
    const shown = isText ? native.takeText(this.#slot) : native.takeBytes(this.#slot);
    return { output: shown, masked: native.masked(this.#slot), truncated: (code & 2) !== 0 };
  }

  /**
   * A Standard Schema around `schema`, strict and with the policy applied: for SDKs that take one as the input of a
   * tool. Its JSON Schema is that of `schema`, so lists of tools do not change.
   * @param schema a Standard Schema that knows its JSON Schema (zod 4, ArkType, Valibot), or a JSON Schema
   * @param tool the name that the policy knows the tool by
   * @throws {@link ToolError} when its JSON Schema is not known or cannot be honoured
   */
  schema<S extends StandardSchema>(schema: S, tool?: string): GuardedSchema<S>;
  schema(schema: JsonSchema, tool?: string): GuardedSchema;
  schema(schema: StandardSchema | JsonSchema, tool = 'tool'): GuardedSchema {
    return guardSchema(schema, tool, (definition) => new Guard({ ...this.#options, tools: [definition] }));
  }

  /**
   * A number under which a worker thread can {@link Guard.adopt} this guard, for as long as this object lives: the
   * compiled tables are shared, not copied.
   */
  share(): number {
    return native.share(this.#slot);
  }

  /**
   * The guard that another thread of this process has shared.
   * @throws RangeError when there is none
   */
  static adopt(number: number): Guard {
    const owner = native.adopt(number);
    if (!owner) throw new RangeError('no thread holds a guard of this number');
    return new Guard({ [ADOPTED]: owner } as GuardOptions);
  }

  /** @internal A connection of an MCP server. */
  connect(server: string | undefined, listens: boolean): addon.Owner {
    return native.connect(this.#slot, server, listens);
  }

  /** @internal Whether decisions of its connections may wait for a store. */
  get waits(): boolean {
    return native.waits(this.#slot);
  }

  #number(tool: string): number {
    const number = this.#tools.get(tool);
    if (number !== undefined) return number;
    native.nameTool(this.#slot, tool);
    return addon.OTHER;
  }

  #prepare(tool: string, call: CallContext | undefined): number {
    const caller = call ?? NOBODY;
    if (caller !== this.#caller && !same(caller, this.#caller)) {
      const { agent, roles = [], tenant, session } = caller;
      native.setCaller(this.#slot, agent, roles, tenant, session);
      this.#caller = { agent, roles: [...roles], tenant, session };
    }
    return this.#number(tool);
  }

  #checkOther(tool: string, args: Uint8Array | object, now: number, call: CallContext | undefined): Verdict {
    // What has no JSON text, like a function, is no arguments.
    if (!(args instanceof Uint8Array)) return this.check(tool, JSON.stringify(args) ?? '', { ...call, now: valid(now) });
    // The caller may change the bytes later, so they are explained now.
    return decided(native.explain(this.#slot, this.#prepare(tool, call), now, args));
  }
}

/** @internal The reason in the code of a refusal. */
export function reasonOf(code: number): Reason {
  return REASONS[code - addon.REFUSED] ?? 'internal_error';
}

const ADOPTED = Symbol('adopted');
const NOBODY: CallContext = {};

interface Adopted {
  readonly [ADOPTED]?: addon.Owner;
}

function compile(options: GuardOptions): addon.Owner {
  try {
    return native.compile(planOf(options));
  } catch (error) {
    throw typed(error);
  }
}

/** @internal The policy as the addon takes it. */
export function sourceOf({ policy, toml }: PolicySource): Pick<addon.Plan, 'policy' | 'toml' | 'json'> {
  return {
    ...(typeof policy === 'string' ? { policy } : {}),
    ...(typeof policy === 'object' ? { json: JSON.stringify(policy) } : {}),
    ...(toml === undefined ? {} : { toml }),
  };
}

/** @internal Options as the addon takes them. */
export function planOf(options: GuardOptions): addon.Plan {
  const { AIRLOCK_REDIS_URL: redisVariable } = process.env;
  const { tools, unsupported, assertFormats = false, nearMiss, audit, coerce = [], maskKey } = options;
  return {
    ...sourceOf(options),
    ...(redisVariable ? { redisVariable } : {}),
    ...(tools === undefined ? {} : { tools: typeof tools === 'string' ? tools : JSON.stringify(tools) }),
    ...(nearMiss === undefined ? {} : { stripNearMisses: nearMiss === 'strip' }),
    ...(audit === undefined ? {} : { audit }),
    ...(maskKey === undefined ? {} : { maskKey }),
    coerce: typeof coerce === 'boolean' ? (coerce ? ['*'] : []) : [coerce].flat(),
    keepUnsupported: unsupported === 'refuse',
    assertFormats,
  };
}

function decided(text: string): Verdict {
  const details = JSON.parse(text) as Details;
  if (details.reason !== null) return new Refused(details.reason, () => text);
  const changed = details.stripped.length + details.repaired.length > 0;
  return new Allowed(details.arguments_text ?? '', changed, () => text);
}

/** @internal The moment as the addon wants it: NaN for none. */
export function moment(now: number | Date | null): number {
  return now === null ? Number.NaN : Number(now);
}

function valid(now: number): number | null {
  return Number.isNaN(now) ? null : now;
}

/** @internal Whether two calls are of one caller and one session. */
export function same(a: CallContext, b: CallContext): boolean {
  return a.agent === b.agent && a.tenant === b.tenant && a.session === b.session && sameRoles(a.roles, b.roles);
}

function sameRoles(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((role, at) => role === b[at]);
}
