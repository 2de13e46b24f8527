// A connection of an MCP server as the addon sees it: text or bytes in, what to do out, and what the operator hears.
import { typed } from './errors.js';
import type { Firewall } from './firewall.js';
import type { Caller, Guard } from './guard.js';
import type { AirlockOptions, GuardEvent, MessageExtra } from './mcp.js';
import { native, type Owner } from './native.js';

/** What to do with a message, as in src/relay.rs. */
export enum Action {
  /** Pass it on as it is. */
  Forward,
  /** Pass on `output` in its place. */
  Replace,
  /** Send `output` back to where it came from. */
  Answer,
  /** Present it again when the server's list of tools is there. */
  Hold,
  /** Pass on nothing. */
  Drop,
}

/** A decision on a message. */
export interface Decision {
  readonly action: Action;
  /** What to pass on in its place, or to send back. */
  readonly output: string;
}

/** Decisions that have written nothing. */
const BARE: readonly Decision[] = [0, 1, 2, 3, 4].map((action) => ({ action, output: '' }));
/** Bit of a reply: there are events to fetch. */
const EVENTS = 8;
/** How long to wait for the server's own list of tools. */
export const LIST_WAIT_MS = 10_000;
/** Most sessions whose first strip is told. */
const MOST_TOLD = 1024;

const told = new WeakMap<Guard | Firewall, Set<string>>();

/** One connection. */
export class Connection {
  readonly #owner: Owner;
  readonly #link: number;
  readonly #guard: Guard | Firewall;
  /** Whether a decision may wait for a store. */
  readonly #waits: boolean;
  readonly #options: AirlockOptions;
  readonly #session: () => string;
  #caller: Caller | undefined;

  /**
   * @param session what tells this session from others, for the one line about its first strip
   * @throws {@link PinError}
   */
  constructor(guard: Guard | Firewall, options: AirlockOptions, name: string | undefined, session: () => string) {
    this.#guard = guard;
    this.#options = options;
    this.#session = session;
    this.#waits = guard.waits;
    try {
      this.#owner = guard.connect(name, options.onEvent !== undefined);
    } catch (error) {
      throw typed(error);
    }
    this.#link = native.slot(this.#owner);
  }

  /**
   * Decides on a message of the client. Where that may wait for a store, it is done on the thread pool, and until then
   * nothing else may be asked of this connection.
   */
  client(message: string | Uint8Array, extra?: MessageExtra): Decision | Promise<Decision> {
    this.#identify(extra);
    if (!this.#waits) return this.#done(native.fromClient(this.#link, message));
    return native.fromClientLater(this.#link, message).then((reply) => this.#done(reply));
  }

  /** Decides on a message of the server. */
  server(message: string | Uint8Array): Decision {
    return this.#done(native.fromServer(this.#link, message));
  }

  /** Whether the server is being asked for its tools. */
  get isListing(): boolean {
    return native.isListing(this.#link);
  }

  /** The request to present to the server; each is returned once. */
  listRequest(): string | null {
    return native.listRequest(this.#link);
  }

  /** Gives up asking. */
  abandonList(): void {
    native.abandonList(this.#link);
  }

  #done(reply: number): Decision {
    const action = (reply & 7) as Action;
    const isWritten = action === Action.Replace || action === Action.Answer;
    const output = isWritten ? native.takeOutput(this.#link) : '';
    if (reply & EVENTS) this.#tell();
    return (isWritten ? undefined : BARE[action]) ?? { action, output };
  }

  #identify(extra: MessageExtra | undefined): void {
    const { identify } = this.#options;
    const { agent = extra?.authInfo?.clientId, roles = NONE, tenant } = identify?.(extra) ?? this.#options;
    const last = this.#caller;
    if (last ? last.agent === agent && last.tenant === tenant && last.roles === roles : !agent && !tenant && !roles.length) {
      return;
    }
    native.setClient(this.#link, agent, roles, tenant);
    this.#caller = { agent, roles, tenant };
  }

  #tell(): void {
    for (const line of native.takeEvents(this.#link).split('\n')) {
      if (line === '') continue;
      const event = JSON.parse(line) as GuardEvent;
      const { tool, outcome, why, stripped = [] } = event;
      if (outcome === 'withheld' || outcome === 'shown') {
        const became = outcome === 'shown' ? 'shown all the same' : 'withheld';
        const line = `airlock: the tool ${quoted(tool)} is ${became}: ${quoted(why)}`;
        this.#once(line, line);
      } else if (outcome === 'allowed' && stripped.length > 0) {
        this.#once(
          `session ${this.#session()}`,
          `airlock: cut ${stripped.map(quoted).join(', ')} from a call of ${quoted(tool)}, which does not declare it; ` +
            'more in this session are not told (onEvent and the audit log have every one)',
        );
      }
      this.#options.onEvent?.(event);
    }
  }

  #once(key: string, line: string): void {
    const keys = told.get(this.#guard) ?? new Set();
    told.set(this.#guard, keys);
    if (keys.has(key) || keys.size >= MOST_TOLD) return;
    keys.add(key);
    warn(this.#options, line);
  }
}

/** A line for the operator. */
export function warn(options: AirlockOptions, line: string): void {
  if (options.warn) options.warn(line);
  else process.stderr.write(`${line}\n`);
}

const NONE: readonly string[] = [];

/** Names that a model or a server wrote, safe to show. */
function quoted(text: unknown): string {
  return JSON.stringify(String(text).slice(0, 200));
}
