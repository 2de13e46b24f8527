// Secrets of the right format that exist only while a test runs: none is written down anywhere. They are the
// same in every run, so that none fails by chance.

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

let state = 7;
/** A whole number below `end`, by xorshift32 (G. Marsaglia). */
function below(end) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % end;
}

const pick = (alphabet, length) =>
  Array.from({ length }, () => alphabet[below(alphabet.length)]).join('');

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
export const password = () => `${pick(LETTERS, 10)}${10 + below(89)}${pick('!%+', 1)}${pick(LETTERS, 4)}`;
