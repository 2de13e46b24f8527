// The firewall: what a guard says, charged and recorded. Nothing is decided here.
import { REASONS, RefusalError, typed } from './errors.js';
import {
  Allowed,
  type Arguments,
  type CallContext,
  type Caller,
  type FilterOptions,
  type Filtered,
  type GuardOptions,
  Refused,
  type Verdict,
  moment,
  planOf,
  same,
} from './guard.js';
import * as addon from './native.js';
import { native } from './native.js';

/** What to build a firewall from. A tool whose schema cannot be honoured is an error. */
export interface FirewallOptions extends Omit<GuardOptions, 'unsupported' | 'assertFormats' | 'nearMiss'> {
  /** Path of a file that halts every call while it exists; it is looked for at each call. */
  readonly killFile?: string;
}

/**
 * A guard with a memory: limits are charged, decisions recorded in the audit log, and everything can be halted. For
 * hosts that run tools themselves; a server that {@link airlock} guards has the limits and the log already.
 *
 * ```ts
 * const firewall = new Firewall({ policy: 'policy.toml', tools });
 * const verdict = firewall.call('transfer', text, { agent: 'ann' });
 * const result = verdict.allowed ? firewall.filter('transfer', await run(verdict.arguments)).output : verdict.text;
 * ```
 *
 * It counts for this thread alone; share a server, not a firewall, between threads.
 */
export class Firewall {
  readonly #post: addon.Post;
  #caller: Caller = {};

  /**
   * @throws {@link PolicyError} when the policy cannot be read or honoured, or needs an audit log and has none
   * @throws {@link ToolError} when a tool cannot be honoured
   * @throws {@link AuditError} when the audit log cannot be opened
   */
  constructor(options: FirewallOptions = {}) {
    try {
      this.#post = native.openFirewall(planOf(options), options.killFile);
    } catch (error) {
      throw typed(error);
    }
  }

  /** Decides on a call that is about to run, charges its limits and records the decision. */
  call(tool: string, args: Arguments, call: CallContext = {}): Verdict {
    this.#as(call);
    const text = typeof args === 'string' || args instanceof Uint8Array ? args : (JSON.stringify(args) ?? '');
    const isText = typeof text === 'string' && text.isWellFormed();
    const length = isText ? addon.write(text) : addon.writeBytes(typeof text === 'string' ? addon.brokenBytes(text) : text);
    const now = call.now === undefined ? Date.now() : moment(call.now);
    const reply = native.settle(this.#post, tool, length, now, addon.io());
    const code = reply & 0xff;
    // It cannot be asked for again: it has been charged.
    const details = native.settled(this.#post);
    if (code === 0) return new Allowed(isText ? text : addon.read(length), false, () => details);
    if ((code & ~addon.SPILLED) < addon.REFUSED) return new Allowed(this.#take(reply), true, () => details);
    return new Refused(REASONS[code - addon.REFUSED] ?? 'internal_error', () => details);
  }

  /**
   * Masks and cuts the output of a tool, as {@link Guard.filter} does, and records what was found.
   * @throws {@link RefusalError} when it cannot be made safe; then nothing of it may be shown
   */
  filter(tool: string, output: string, { json = false }: FilterOptions = {}): Filtered<string> {
    const length = addon.write(output);
    const reply = native.show(this.#post, tool, length, json, addon.io());
    const code = reply & 0xff;
    if (code === 0) return { output: addon.read(length), masked: 0, truncated: false };
    const text = this.#take(reply);
    if ((code & ~addon.SPILLED) >= addon.REFUSED) throw new RefusalError(text);
    return { output: text, masked: native.maskedByFirewall(this.#post), truncated: (code & 2) !== 0 };
  }

  /** Refuses every call from now on, with the reason `halted`. */
  halt(): void {
    native.halt(this.#post, true);
  }

  /** Lets calls go on. */
  resume(): void {
    native.halt(this.#post, false);
  }

  #as(caller: Caller): void {
    if (same(caller, this.#caller)) return;
    const { agent, roles = [], tenant } = caller;
    native.setFirewallCaller(this.#post, agent, roles, tenant);
    this.#caller = { agent, roles: [...roles], tenant };
  }

  #take(reply: number): string {
    const bytes = Math.floor(reply / 256);
    if (reply & addon.SPILLED) {
      addon.reserve(bytes);
      native.takeFirewallSpill(this.#post, addon.io());
    }
    return addon.read(bytes);
  }
}
