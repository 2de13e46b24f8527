// The official SDK v1: its client, a guarded server, every transport.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { airlock, Guard } from 'airlock-mcp';
import { http, inMemory, seen, serverV1, stdio } from './support/servers.mjs';
import { awsKey } from './support/secrets.mjs';

const policy = { denied_tools: ['delete_*'] };
const quiet = { warn: () => {} };

const transports = {
  'in memory': (t) => inMemory(t, () => airlock(serverV1(), { policy, ...quiet })),
  stdio: (t) => stdio(t, policy),
  'HTTP with sessions': (t) => {
    const guard = new Guard({ policy });
    return http(t, () => airlock(serverV1(), { guard, ...quiet }), { stateful: true });
  },
  'HTTP without sessions': (t) => {
    const guard = new Guard({ policy });
    return http(t, () => airlock(serverV1(), { guard, ...quiet }), { stateful: false });
  },
};

for (const [name, connect] of Object.entries(transports)) {
  test(`${name}: cut, refused, denied, masked, passed on`, async (t) => {
    const client = await connect(t);
    const call = (tool, args) => client.callTool({ name: tool, arguments: args });

    // Before the client has listed the tools: the guard asks for them itself.
    const cut = await call('refund', { order: 'a1', amount: 5, reason: 'made up' });
    assert.deepEqual(JSON.parse(cut.content[0].text), { order: 'a1', amount: 5 });

    const { tools } = await client.listTools();
    assert.equal(tools.length, 10);

    const wrong = await call('refund', { order: 'a1', amount: '5' });
    assert.equal(wrong.isError, true);
    const refusal = wrong._meta['airlock/refusal'];
    assert.deepEqual(JSON.parse(wrong.content[0].text), refusal);
    assert.equal(refusal.reason, 'validation_failed');
    assert.equal(refusal.violations[0].path, '/amount');

    const denied = await call('delete_all', { sure: true });
    assert.equal(denied._meta['airlock/refusal'].reason, 'tool_denied');
    assert.ok(!seen.some(({ name }) => name === 'delete_all'));

    const masked = await call('leak', {});
    assert.ok(masked.content[0].text.startsWith('key '), masked.content[0].text);
    assert.ok(!JSON.stringify(masked).includes(awsKey));
    const error = await call('broken', {});
    assert.equal(error.isError, true);
    assert.ok(!JSON.stringify(error).includes(awsKey));
    assert.ok(!JSON.stringify(await client.readResource({ uri: 'config://main' })).includes(awsKey));

    await assert.rejects(call('nosuch', {}), { code: -32602 });

    // The client itself drops steps that arrive together with the result: on a busy machine all of a short call.
    const steps = [];
    for (const ms of [20, 200, 2000, 20_000]) {
      const slow = { name: 'slow', arguments: { ms } };
      await client.callTool(slow, undefined, { onprogress: ({ progress }) => steps.push(progress) });
      if (steps.length > 0) break;
    }
    assert.deepEqual(steps.slice(0, 1), [1]);

    const calls = Array.from({ length: 20 }, (_, n) => call('refund', { order: `${n}`, amount: n }));
    for (const [n, { content }] of (await Promise.all(calls)).entries()) {
      assert.equal(JSON.parse(content[0].text).amount, n);
    }
  });
}
