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
  Refused,
  moment,
  planOf,
  reasonOf,
  same,
} from './guard.js';
import * as addon from './native.js';
import { native } from './native.js';

/** What to build a firewall from. A tool whose schema cannot be honoured is an error. */
export interface FirewallOptions extends Omit<GuardOptions, 'unsupported' | 'assertFormats' | 'nearMiss'> {
  /** Path of a file that halts every call while it exists; it is looked for at each call. */
  readonly killFile?: string;
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
  #caller: CallContext = {};

  /**
   * @throws {@link PolicyError} when the policy cannot be read or honoured, or needs an audit log and has none
   * @throws {@link ToolError} when a tool cannot be honoured
   * @throws {@link AuditError} when the audit log cannot be opened
   */
  constructor(options: FirewallOptions = {}) {
    const owner = (options as Adopted)[ADOPTED] ?? open(options);
    this.#owner = owner;
    this.#slot = native.slot(owner);
    this.#forgotten = new FinalizationRegistry((permit) => native.finish(native.slot(owner), permit, 2));
  }

  /** Decides on a call that is about to run, charges its limits and records the decision. */
  call(tool: string, args: Arguments, call: CallContext = {}): Permit | Refused {
    this.#as(call);
    const text = typeof args === 'string' || args instanceof Uint8Array ? args : (JSON.stringify(args) ?? '');
    const now = call.now === undefined ? Date.now() : moment(call.now);
    const code = native.settle(this.#slot, tool, now, typeof text === 'string' ? addon.whole(text) : text);
    // It cannot be asked for again: it has been charged.
    const details = native.settled(this.#slot);
    if (code >= addon.REFUSED) return new Refused(reasonOf(code), () => details);
    const number = native.permit(this.#slot);
    const clean = code === 1 ? native.takeFirewallText(this.#slot) : asText(text);
    const permit = new Permit(clean, code === 1, () => details, (outcome) => {
      native.finish(native.slot(this.#owner), number, OUTCOMES.indexOf(outcome));
    });
    this.#forgotten.register(permit, number);
    return permit;
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

  #as(call: CallContext): void {
    if (same(call, this.#caller)) return;
    const { agent, roles = [], tenant, session } = call;
    native.setFirewallCaller(this.#slot, agent, roles, tenant, session);
    this.#caller = { agent, roles: [...roles], tenant, session };
  }
}

const ADOPTED = Symbol('adopted');

interface Adopted {
  readonly [ADOPTED]?: addon.Owner;
}

function open(options: FirewallOptions): addon.Owner {
  try {
    return native.openFirewall(planOf(options), options.killFile);
  } catch (error) {
    throw typed(error);
  }
}

function asText(text: string | Uint8Array): string {
  return typeof text === 'string' ? text : Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString();
}
