// The addon: finding it, and its private interface. One buffer per thread carries text in and out; a number
// says what became of it, as in src/reply.rs.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { AirlockError } from './errors.js';

declare const kind: unique symbol;
/** A compiled guard in this thread. */
export interface Handle {
  readonly [kind]: 'guard';
}
/** One connection of an MCP server. */
export interface Link {
  readonly [kind]: 'link';
}

/** A firewall in this thread. */
export interface Post {
  readonly [kind]: 'firewall';
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
}

interface Native {
  version(): string;
  panicForTest(): number;
  compile(plan: Plan): Handle;
  toolNames(handle: Handle): string[];
  warnings(handle: Handle): string[];
  nameTool(handle: Handle, name: string): void;
  setCaller(handle: Handle, agent: string | undefined, roles: readonly string[], tenant: string | undefined): void;
  check(handle: Handle, tool: number, length: number, now: number, io: Buffer): number;
  explain(handle: Handle, tool: number, length: number, now: number, io: Buffer): string;
  filter(handle: Handle, tool: number, length: number, isJson: boolean, io: Buffer): number;
  masked(handle: Handle): number;
  takeSpill(handle: Handle, io: Buffer): void;
  share(handle: Handle): number;
  adopt(number: number): Handle | null;
  connect(handle: Handle, server: string | undefined, listens: boolean): Link;
  setClient(link: Link, agent: string | undefined, roles: readonly string[], tenant: string | undefined): void;
  fromClient(link: Link, length: number, now: number, io: Buffer): number;
  fromServer(link: Link, length: number, io: Buffer): number;
  listRequest(link: Link): string | null;
  isListing(link: Link): boolean;
  abandonList(link: Link): void;
  takeEvents(link: Link): string;
  takeLinkSpill(link: Link, io: Buffer): void;
  openFirewall(plan: Plan, killFile: string | undefined): Post;
  setFirewallCaller(post: Post, agent: string | undefined, roles: readonly string[], tenant: string | undefined): void;
  settle(post: Post, tool: string, length: number, now: number, io: Buffer): number;
  settled(post: Post): string;
  show(post: Post, tool: string, length: number, isJson: boolean, io: Buffer): number;
  maskedByFirewall(post: Post): number;
  takeFirewallSpill(post: Post, io: Buffer): void;
  halt(post: Post, on: boolean): void;
}

/** The tool whose name was given with `nameTool`. */
export const OTHER = 0xffff_ffff;
/** Bit of a code: the output did not fit and waits. */
export const SPILLED = 128;
/** From this code on it is a refusal; the rest is the number of the reason. */
export const REFUSED = 32;

/** Room that stays allocated: most calls fit. */
const ROOM = 64 << 10;
/** A larger buffer is given back. */
const LARGE = 1 << 20;

let buffer = Buffer.allocUnsafeSlow(ROOM);

/** The buffer as it is now. */
export function io(): Buffer {
  return buffer;
}

/** Puts text into the buffer and returns its bytes. */
export function write(text: string): number {
  const most = text.length * 3;
  if (most > buffer.length) reserve(Buffer.byteLength(text));
  else settle(most);
  return buffer.write(text);
}

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

/** Puts bytes into the buffer and returns how many. */
export function writeBytes(bytes: Uint8Array): number {
  reserve(bytes.length);
  settle(bytes.length);
  buffer.set(bytes);
  return bytes.length;
}

/** Makes the buffer large enough; what is in it may be lost. */
export function reserve(bytes: number): void {
  if (bytes > buffer.length) buffer = Buffer.allocUnsafeSlow(bytes);
}

/** Makes a very large buffer small again, before it is filled. */
function settle(bytes: number): void {
  if (buffer.length > LARGE && bytes <= ROOM) buffer = Buffer.allocUnsafeSlow(ROOM);
}

/** The text that the addon has written. */
export function read(bytes: number): string {
  return buffer.toString('utf8', 0, bytes);
}

/** A copy of the bytes that the addon has written. */
export function readBytes(bytes: number): Uint8Array {
  return new Uint8Array(buffer.subarray(0, bytes));
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
