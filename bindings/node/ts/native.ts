// The addon: finding it, and its private interface. What it keeps is called by a number, which is good for as long as
// its owner lives; a call answers with a code, as in src/reply.rs, and what it wrote is fetched.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { AirlockError } from './errors.js';

declare const kind: unique symbol;
/** Keeps what the addon holds under a number of this thread. */
export interface Owner {
  readonly [kind]: 'owner';
}

/** What to compile. */
export interface Plan {
  policy?: string;
  toml?: string;
  json?: string;
  tools?: string;
  keepUnsupported: boolean;
  assertFormats: boolean;
  stripNearMisses?: boolean;
  audit?: string;
  killFile?: string;
  pinFile?: string;
  redis?: string;
  redisVariable?: string;
  coerce: readonly string[];
  maskKey?: string | Uint8Array;
}

/** Text, or the bytes of it. */
type Text = string | Uint8Array;
type Names = readonly [agent: string | undefined, roles: readonly string[], tenant: string | undefined];

/** What became of a call that was settled on the thread pool. */
interface Settled {
  code: number;
  permit: number;
  details: string;
  changed?: string;
}

interface Native {
  version(): string;
  panicForTest(): number;
  elements(bytes: Uint8Array): number[] | null;
  slot(owner: Owner): number;
  compile(plan: Plan): Owner;
  toolNames(guard: number): string[];
  warnings(guard: number): string[];
  hasWindows(guard: number): boolean;
  nameTool(guard: number, name: string): void;
  setCaller(guard: number, ...caller: [...Names, session: string | undefined]): void;
  check(guard: number, tool: number, now: number, args: Text): number;
  explain(guard: number, tool: number, now: number, args: Text): string;
  filter(guard: number, tool: number, isJson: boolean, text: Text): number;
  masked(guard: number): number;
  takeText(guard: number): string;
  takeBytes(guard: number): Uint8Array;
  share(guard: number): number;
  adopt(number: number): Owner | null;
  connect(guard: number, server: string | undefined, listens: boolean): Owner;
  waits(guard: number): boolean;
  setClient(link: number, ...caller: Names): void;
  fromClient(link: number, message: Text): number;
  fromClientLater(link: number, message: Text): Promise<number>;
  fromServer(link: number, message: Text): number;
  listRequest(link: number): string | null;
  isListing(link: number): boolean;
  abandonList(link: number): void;
  takeEvents(link: number): string;
  takeOutput(link: number): string;
  openFirewall(plan: Plan): Owner;
  reloadFirewall(firewall: number, policy: string | undefined, toml: string | undefined, json: string | undefined): void;
  connectFirewall(firewall: number, server: string | undefined, listens: boolean): Owner;
  firewallWaits(firewall: number): boolean;
  setFirewallCaller(firewall: number, ...caller: [...Names, session: string | undefined]): void;
  settle(firewall: number, tool: string, now: number, args: Text): number;
  settleLater(firewall: number, tool: string, now: number, args: Text): Promise<Settled>;
  settled(firewall: number): string;
  permit(firewall: number): number;
  finish(firewall: number, permit: number, outcome: number): void;
  endSession(firewall: number, agent: string | undefined, tenant: string | undefined, session: string): void;
  calls(firewall: number): number[];
  show(firewall: number, tool: string, isJson: boolean, text: Text): number;
  maskedByFirewall(firewall: number): number;
  takeFirewallText(firewall: number): string;
  halt(firewall: number, on: boolean): void;
  shareFirewall(firewall: number): number;
  adoptFirewall(number: number): Owner | null;
}

/** The tool whose name was given with `nameTool`. */
export const OTHER = 0xffff_ffff;
/** From this code on it is a refusal; the rest is the number of the reason. */
export const REFUSED = 32;

/**
 * The bytes of text that UTF-8 cannot hold, because half of a surrogate pair is missing: the first such half as the
 * three bytes that it would have, which are never valid, so that the engine refuses it and says where.
 */
export function brokenBytes(text: string): Uint8Array {
  const at = text.search(/\p{Surrogate}/u);
  const half = text.charCodeAt(at);
  const bytes = [0xe0 | (half >> 12), 0x80 | ((half >> 6) & 0x3f), 0x80 | (half & 0x3f)];
  return Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from(bytes), Buffer.from(text.slice(at + 1))]);
}

/** Text as the addon may have it: whole, or as the bytes of what is broken. */
export function whole(text: string): Text {
  return text.isWellFormed() ? text : brokenBytes(text);
}

/** The name of this platform, as in the name of its package. */
function platform(): string {
  const name = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') return `${name}-msvc`;
  if (process.platform !== 'linux') return name;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `${name}-${header.glibcVersionRuntime ? 'gnu' : 'musl'}`;
}

/** The folder of the platform's package: in a checkout, or beside this package. */
export function platformFolder(): string {
  const name = platform();
  const built = join(__dirname, '..', 'npm', name);
  if (existsSync(join(built, 'airlock.node'))) return built;
  try {
    return join(require.resolve(`airlock-mcp-${name}/package.json`), '..');
  } catch {
    throw new AirlockError(
      `airlock-mcp has no addon for ${name} here: the optional package airlock-mcp-${name} is not installed. ` +
        'Install again without --omit=optional; in a checkout, run `npm run build`.',
    );
  }
}

function load(): Native {
  const addon = require(join(platformFolder(), 'airlock.node')) as Native;
  const { version } = require('../package.json') as { version: string };
  if (addon.version() !== version) {
    throw new AirlockError(`airlock-mcp is ${version}, its addon ${addon.version()}: install both in one version`);
  }
  return addon;
}

/** The addon. */
export const native: Native = load();
