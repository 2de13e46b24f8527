// Secrets of the right format that exist only while a test runs: none is written down anywhere.
import { randomInt } from 'node:crypto';

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

const pick = (alphabet, length) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/** CRC-32 (ISO 3309), as in the tail of GitHub's tokens; zlib has it only since Node 22. */
function crc32(text) {
  let crc = ~0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** A GitHub personal access token: 30 random characters and their checksum, 6 digits of base 62. */
export function githubToken() {
  const body = pick(BASE62, 30);
  let tail = '';
  for (let rest = crc32(body), i = 0; i < 6; i++, rest = Math.floor(rest / 62)) tail = BASE62[rest % 62] + tail;
  return `ghp_${body}${tail}`;
}

/** An AWS access key id. */
export const awsKeyId = () => `AKIA${pick(BASE32, 16)}`;

/** A password as people choose it when they are told to choose a good one. */
export const password = () => `${pick(LETTERS, 10)}${randomInt(10, 99)}${pick('!%+', 1)}${pick(LETTERS, 4)}`;
