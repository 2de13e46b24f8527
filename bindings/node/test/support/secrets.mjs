// Secrets of the right format that exist only while a test runs: none is written down anywhere.
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

let state = 7;
const next = (below) => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return Math.floor((state / 2147483648) * below);
};

/** An AWS access key id. */
export const awsKey = ['AK', 'IA'].join('') + Array.from({ length: 16 }, () => BASE32[next(32)]).join('');
