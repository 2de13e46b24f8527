// The text of a message is what JSON.stringify would make of it, whatever the message looks like.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';

const { textOf } = createRequire(import.meta.url)('../dist/text.js');

/** A small generator, so that a failure can be had again. */
let state = 1;
const below = (n) => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return (state >> 8) % n;
};
const one = (...of) => of[below(of.length)];

const strange = [undefined, null, '', 'text', '\ud800"\\\n', 0, -0, 1.5, NaN, true, [], {}, [1], { a: 1 }, { toJSON: () => 'own' }, () => 1,
  Symbol('s'), new Date(0), new Map([[1, 2]]), Object.create(null), Object.create({ inherited: 1 }), new (class { n = 1; })()];
const some = (often) => (below(5) > 0 ? often() : one(...strange));
const shuffled = (entries) => Object.fromEntries(entries.filter(() => below(8) > 0).sort(() => below(3) - 1));

const block = () => some(() => shuffled([['type', some(() => 'text')], ['text', some(() => one('a', '"b"\n', '\ud800', 'é😀'))], ...(below(4) ? [] : [['annotations', {}]])]));
const result = () => some(() => shuffled([['content', some(() => one([], [block()], [block()], [block(), block()]))], ...(below(3) ? [] : [[one('isError', 'structuredContent', '_meta'), one(true, {}, undefined)]])]));
const params = () => some(() => shuffled([['name', some(() => one('t', 'x"y'))], ['arguments', one(...strange, { n: [1, { d: 'x' }] })], ...(below(3) ? [] : [[one('_meta', 'task', '__proto__'), one(...strange)]])]));
const message = () => some(() => shuffled([
  ['jsonrpc', below(9) ? '2.0' : one(...strange)],
  ['id', some(() => one(1, 'a', ''))],
  ...(below(2) ? [['method', some(() => one('tools/call', 'ping'))], ['params', params()]] : [['result', result()]]),
  ...(below(6) ? [] : [[one('extra', 'error', 'result', 'params'), one(...strange, result(), params())]]),
]));

test('the text of any message says what JSON.stringify says', () => {
  let fast = 0;
  for (let n = 0; n < 200_000; n++) {
    const it = message();
    const plain = JSON.stringify(it);
    if (plain === undefined) {
      assert.throws(() => textOf(it), TypeError);
      continue;
    }
    const text = textOf(it);
    assert.deepEqual(JSON.parse(text), JSON.parse(plain));
    // No member twice, and nothing that is not there.
    assert.equal(text.length, plain.length, plain);
    if (text !== plain) fast++;
  }
  assert.ok(fast > 1000, 'members in another order show that the short way is taken');
});
