// The firewall: what a guard says, charged, remembered and recorded. Nothing is decided here.
import { RefusalError, typed } from './errors.js';
import {
  Allowed,
  type Arguments,
  type CallContext,
  type Caller,
  type FilterOptions,
  type Filtered,
  type GuardOptions,
  type PolicySource,
  Refused,
  moment,
  planOf,
  reasonOf,
  same,
  sourceOf,
} from './guard.js';
import * as addon from './native.js';
import { native } from './native.js';

/** What to build a firewall from. A tool whose schema cannot be honoured is an error. */
export interface FirewallOptions extends Omit<GuardOptions, 'unsupported' | 'assertFormats' | 'nearMiss'> {
  /** Path of a file that halts every call while it exists; it is looked for at each call. */
  readonly killFile?: string;
  /**
   * Path of the file in which definitions of tools are pinned, for the MCP connections of this firewall: a tool whose
   * definition becomes another one is withheld, as `[pins]` of the policy says. Such connections need a `name`.
   */
  readonly pinFile?: string;
  /**
   * URL of the Redis or Valkey server that keeps the limits for all processes, in place of `redis` in `[store]` of the
   * policy: `redis://[user:password@]host[:port][/database]` or `unix:///path`. Default for a policy with `[store]`: the
   * environment's `AIRLOCK_REDIS_URL`. With a store, ask with {@link Firewall.callAsync}.
   */
  readonly redis?: string;
}

/** How a call has ended: the tool did what it was asked, it did nothing, or nobody knows. */
export type Outcome = 'ok' | 'failed' | 'unknown';

const OUTCOMES: readonly Outcome[] = ['ok', 'failed', 'unknown'];

/** How many calls there were. */
export interface Calls {
  /** Calls that run: their permits are not finished. */
  readonly running: number;
  readonly ok: number;
  readonly failed: number;
  /** Ended in a way that nobody knows, or never finished. */
  readonly unknown: number;
  readonly refused: number;
}

/**
 * The call may run, with `arguments`. Limits keep what they have charged; what the call has reserved in its session is
 * settled by how it ends, so finish it when it has. A permit that is forgotten ends as `unknown`.
 */
export class Permit extends Allowed {
  readonly #finish: (outcome: Outcome) => void;

  /** @internal */
  constructor(args: string, changed: boolean, explain: () => string, finish: (outcome: Outcome) => void) {
    super(args, changed, explain);
    this.#finish = finish;
  }

  /** Ends the call; only the first end counts. */
  finish(outcome: Outcome): void {
    this.#finish(outcome);
  }

  /** Runs the tool and ends the call: `ok` when what it returns is there, `unknown` when it throws. */
  async run<T>(tool: (args: string) => T | Promise<T>): Promise<T> {
    let outcome: Outcome = 'unknown';
    try {
      const result = await tool(this.arguments);
      outcome = 'ok';
      return result;
    } finally {
      this.finish(outcome);
    }
  }
}

/**
 * A guard with a memory: limits are charged, sessions remembered, decisions recorded in the audit log, and everything
 * can be halted. For hosts that run tools themselves; a server that {@link airlock} guards has all that already.
 *
 * ```ts
 * const firewall = new Firewall({ policy: 'policy.toml', tools });
 * const verdict = firewall.call('transfer', text, { agent: 'ci-bot', session: conversation.id });
 * if (!verdict.allowed) return verdict.text; // for the model
 * return firewall.filter('transfer', await verdict.run(transfer)).output;
 * ```
 */
export class Firewall {
  readonly #owner: addon.Owner;
  readonly #slot: number;
  /** Ends calls whose permits were forgotten; it keeps the owner as long as it may be called. */
  readonly #forgotten: FinalizationRegistry<number>;
  /** @internal Whether decisions may wait for a store. */
  readonly waits: boolean;
  #caller: CallContext = {};

  /**
   * With a store of limits, it is asked once here, and waited for as long as `timeout_ms` of the policy.
   * @throws {@link PolicyError} when the policy cannot be read or honoured, or needs an audit log and has none
   * @throws {@link ToolError} when a tool cannot be honoured
   * @throws {@link AuditError} when the audit log cannot be opened
   */
  constructor(options: FirewallOptions = {}) {
    const owner = (options as Adopted)[ADOPTED] ?? open(options);
    this.#owner = owner;
    this.#slot = native.slot(owner);
    this.waits = native.firewallWaits(this.#slot);
    this.#forgotten = new FinalizationRegistry((permit) => native.finish(native.slot(owner), permit, 2));
  }

  /**
   * Decides on a call that is about to run, charges its limits and records the decision. Where limits are in a store
   * this waits for its answer, and the event loop with it: see {@link Firewall.callAsync}.
   */
  call(tool: string, args: Arguments, call: CallContext = {}): Permit | Refused {
    const { text, now } = this.#prepare(args, call);
    const code = native.settle(this.#slot, tool, now, bytesOf(text));
    // It cannot be asked for again: it has been charged.
    const details = native.settled(this.#slot);
    if (code >= addon.REFUSED) return new Refused(reasonOf(code), () => details);
    const clean = code === 1 ? native.takeFirewallText(this.#slot) : asText(text);
    return this.#permit(native.permit(this.#slot), clean, code === 1, details);
  }

  /**
   * {@link Firewall.call} on the thread pool of Node where limits are in a store, so that nothing else waits for it; else
   * it is decided at once. A store that is lost refuses the call (`rate_limited`, with no time to wait) or lets this
   * process count alone, as `on_loss` of the policy says; it never rejects.
   */
  async callAsync(tool: string, args: Arguments, call: CallContext = {}): Promise<Permit | Refused> {
    if (!this.waits) return this.call(tool, args, call);
    const { text, now } = this.#prepare(args, call);
    // Whoever has the bytes may change them meanwhile.
    const given = asText(text);
    const { code, permit, details, changed } = await native.settleLater(this.#slot, tool, now, bytesOf(text));
    if (code >= addon.REFUSED) return new Refused(reasonOf(code), () => details);
    return this.#permit(permit, changed ?? given, changed !== undefined, details);
  }

  /**
   * Puts another policy in force for every call and message that comes after; what has begun ends under the old one.
   * Limits count on, sessions remember, and connections of servers under this firewall follow. The other options of the
   * firewall hold on. For all threads.
   *
   * @param source where the policy comes from; without one it is read anew from where that in force came
   * @throws {@link PolicyError} when it cannot be read or honoured, or wants another audit log or store: then nothing
   * has changed
   */
  reload(source: PolicySource = {}): void {
    const { policy, toml, json } = sourceOf(source);
    try {
      native.reloadFirewall(this.#slot, policy, toml, json);
    } catch (error) {
      throw typed(error);
    }
  }

  /**
   * Masks and cuts the output of a tool, as {@link Guard.filter} does, and records what was found.
   * @throws {@link RefusalError} when it cannot be made safe; then nothing of it may be shown
   */
  filter(tool: string, output: string, { json = false }: FilterOptions = {}): Filtered<string> {
    const code = native.show(this.#slot, tool, json, output);
    if (code === 0) return { output: output.toWellFormed(), masked: 0, truncated: false };
    const text = native.takeFirewallText(this.#slot);
    if (code >= addon.REFUSED) throw new RefusalError(text);
    return { output: text, masked: native.maskedByFirewall(this.#slot), truncated: (code & 2) !== 0 };
  }

  /** Forgets a session of a caller: the next call that names it begins another. */
  endSession(session: string, { agent, tenant }: Caller = {}): void {
    native.endSession(this.#slot, agent, tenant, session);
  }

  /** How many calls run, and how those that ended did. */
  get calls(): Calls {
    const [running = 0, ok = 0, failed = 0, unknown = 0, refused = 0] = native.calls(this.#slot);
    return { running, ok, failed, unknown, refused };
  }

  /** Refuses every call from now on, with the reason `halted`. */
  halt(): void {
    native.halt(this.#slot, true);
  }

  /** Lets calls go on. */
  resume(): void {
    native.halt(this.#slot, false);
  }

  /**
   * A number under which a worker thread can {@link Firewall.adopt} this firewall, for as long as this object lives:
   * limits, sessions, the log and the switch are one for all threads.
   */
  share(): number {
    return native.shareFirewall(this.#slot);
  }

  /**
   * The firewall that another thread of this process has shared.
   * @throws RangeError when there is none
   */
  static adopt(number: number): Firewall {
    const owner = native.adoptFirewall(number);
    if (!owner) throw new RangeError('no thread holds a firewall of this number');
    return new Firewall({ [ADOPTED]: owner } as FirewallOptions);
  }

  /** @internal A connection of an MCP server. */
  connect(server: string | undefined, listens: boolean): addon.Owner {
    return native.connectFirewall(this.#slot, server, listens);
  }

  /** Says who calls, and turns the rest into what the addon takes. */
  #prepare(args: Arguments, call: CallContext): { text: string | Uint8Array; now: number } {
    if (!same(call, this.#caller)) {
      const { agent, roles = [], tenant, session } = call;
      native.setFirewallCaller(this.#slot, agent, roles, tenant, session);
      this.#caller = { agent, roles: [...roles], tenant, session };
    }
    const text = typeof args === 'string' || args instanceof Uint8Array ? args : (JSON.stringify(args) ?? '');
    return { text, now: call.now === undefined ? Date.now() : moment(call.now) };
  }

  #permit(number: number, args: string, changed: boolean, details: string): Permit {
    const permit = new Permit(args, changed, () => details, (outcome) => {
      native.finish(native.slot(this.#owner), number, OUTCOMES.indexOf(outcome));
    });
    this.#forgotten.register(permit, number);
    return permit;
  }
}

const ADOPTED = Symbol('adopted');

interface Adopted {
  readonly [ADOPTED]?: addon.Owner;
}

function open(options: FirewallOptions): addon.Owner {
  try {
    const { killFile, pinFile, redis } = options;
    return native.openFirewall({
      ...planOf(options),
      ...(killFile === undefined ? {} : { killFile }),
      ...(pinFile === undefined ? {} : { pinFile }),
      ...(redis === undefined ? {} : { redis }),
    });
  } catch (error) {
    throw typed(error);
  }
}

function bytesOf(text: string | Uint8Array): string | Uint8Array {
  return typeof text === 'string' ? addon.whole(text) : text;
}

function asText(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString();
}
