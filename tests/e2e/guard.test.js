// What the guard does to calls and results, seen on the wire: the client's side as lines, the server's
// side as the log of every byte that it read.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { behind, fake, folder, official } from './lib/paths.js';
import { refusalIn, writePolicy } from './lib/policy.js';
import { awsKeyId, githubToken, password } from './lib/secrets.js';
import { wire } from './lib/wire.js';

/** A client of the scripted server behind Airlock, and what that server has read. */
async function guarded(t, { list = true, policy } = {}) {
  const dir = folder(t);
  const log = join(dir, 'read.log');
  writeFileSync(log, '');
  const client = wire(t, behind(policy ?? writePolicy(dir), fake('--log', log)));
  await client.initialize();
  if (list) await client.request('tools/list', {});
  const read = () => readFileSync(log, 'utf8').split('\n');
  return { client, read, calls: () => read().filter((line) => line.includes('tools/call')) };
}

/** A line that calls a tool, spelt by hand so that its bytes are known. */
const line = (id, name, args) =>
  `{"jsonrpc": "2.0", "id":${id},"method":"tools/call", "params":{"name":"${name}","arguments":${args}} }`;

async function emit(client, ...lines) {
  const id = client.nextId++;
  client.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'emit', arguments: { lines } } });
  return client.reply(id);
}

test('a ghost argument is cut and every other byte is kept', async (t) => {
  const { client, calls } = await guarded(t);
  client.send(line(70, 'echo', '{"text": "\\u0041/\\/","made_up":{"a":[1,2]}, "count":  1e2}'));
  await client.reply(70);
  assert.deepEqual(calls(), [line(70, 'echo', '{"text": "\\u0041/\\/", "count":  1e2}')]);
});

test('a valid call is forwarded as it is', async (t) => {
  const { client, calls } = await guarded(t);
  const spelt = line(71, 'echo', '{ "count" : 90071992547409931234567890 , "text":"a\\u2028b" }');
  client.send(spelt);
  await client.reply(71);
  assert.deepEqual(calls(), [spelt]);
});

test('a call without arguments is checked as {} and forwarded untouched', async (t) => {
  const { client, calls } = await guarded(t);
  const spelt = '{"jsonrpc":"2.0","id":72,"method":"tools/call","params":{"name":"echo"}}';
  client.send(spelt);
  await client.reply(72);
  assert.deepEqual(calls(), [spelt]);
});

test('a wrong type is refused, says how to repair it and never reaches the server', async (t) => {
  const { client, calls } = await guarded(t);
  const refusal = refusalIn(await client.call('echo', { text: 'x', count: '100' }));
  assert.equal(refusal.reason, 'validation_failed');
  assert.equal(refusal.tool, 'echo');
  assert.equal(refusal.retryable, true);
  const [violation] = refusal.violations;
  assert.equal(violation.path, '/count');
  assert.equal(violation.keyword, 'type');
  assert.equal(violation.expected, 'integer');
  assert.equal(violation.received, 'string');
  assert.ok(violation.fix_hint.length > 0);
  assert.deepEqual(calls(), []);
});

test('a refusal repeats nothing of the value that was wrong', async (t) => {
  const { client } = await guarded(t);
  const secret = password();
  assert.ok(!(await client.call('echo', { count: secret })).includes(secret));
});

test('a near miss is refused with the name that was meant', async (t) => {
  const { client, calls } = await guarded(t);
  const reply = await client.call('echo', { txet: 'x' });
  assert.equal(refusalIn(reply).reason, 'ghost_arguments');
  assert.match(reply, /text/);
  assert.deepEqual(calls(), []);
});

test('a denied tool is listed, and refused whatever its name is spelt like', async (t) => {
  const { client, calls } = await guarded(t);
  assert.match(await client.request('tools/list', {}), /secret_admin/);
  assert.equal(refusalIn(await client.call('secret_admin', {})).reason, 'tool_denied');
  const spelt = ['"n\\u0061me":"secret_admin"', '"name":"secret\\u005fadmin"'];
  for (const [at, name] of spelt.entries()) {
    const id = 80 + at;
    client.send(`{"jsonrpc":"2.0","id":${id},"method":"tools\\/call","params":{${name},"arguments":{}}}`);
    assert.equal(refusalIn(await client.reply(id)).reason, 'tool_denied');
  }
  assert.deepEqual(calls(), []);
});

test('a tool that no list names does not exist', async (t) => {
  const { client, calls } = await guarded(t);
  const { error } = JSON.parse(await client.call('nosuch', {}));
  assert.equal(error.code, -32602);
  assert.match(error.message, /Unknown tool/);
  assert.deepEqual(calls(), []);
});

test('a client that never lists the tools is guarded all the same', async (t) => {
  const { client, calls } = await guarded(t, { list: false });
  assert.equal(refusalIn(await client.call('echo', { count: 'x' })).reason, 'validation_failed');
  await client.call('echo', { text: 'x', made_up: 1 });
  assert.equal(calls().length, 1);
  assert.ok(!calls()[0].includes('made_up'));
  for (const seen of client.lines) assert.ok([0, 1, 2].includes(JSON.parse(seen).id), seen);
});

test('arguments that are no object are malformed', async (t) => {
  const { client, calls } = await guarded(t);
  for (const args of [null, [1], 'text', 7]) {
    assert.equal(refusalIn(await client.call('echo', args)).reason, 'malformed_arguments');
  }
  assert.deepEqual(calls(), []);
});

test('a name written twice is refused at every level', async (t) => {
  const { client, calls } = await guarded(t);
  const twice = [
    '{"jsonrpc":"2.0","id":90,"method":"ping","method":"tools/call","params":{"name":"echo"}}',
    '{"jsonrpc":"2.0","id":91,"method":"tools/call","params":{"name":"echo","name":"secret_admin"}}',
    line(92, 'echo', '{"text":"a","t\\u0065xt":"b"}'),
  ];
  for (const [at, bytes] of twice.entries()) {
    client.send(bytes);
    const reply = JSON.parse(await client.reply(90 + at));
    assert.ok(reply.error !== undefined || reply.result.isError, JSON.stringify(reply));
  }
  assert.deepEqual(calls(), []);
});

test('a batch is answered -32600 and not forwarded', async (t) => {
  const { client, calls } = await guarded(t);
  client.send(`[${line(93, 'echo', '{}')}]`);
  const reply = await client.until(
    () => client.lines.map((seen) => JSON.parse(seen)).find(({ error }) => error?.code === -32600),
    'the answer to a batch',
  );
  assert.equal(reply.id, null);
  assert.equal((await client.call('echo', {})).includes('"error"'), false);
  assert.equal(calls().length, 1);
});

test('what is no JSON is dropped', async (t) => {
  const { client, read } = await guarded(t);
  client.write('{"jsonrpc":"2.0","id":94,"method":"tools/call","params":{"name":"secret_admin"}\n');
  client.write(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d, 0x0a]));
  await client.request('ping');
  assert.ok(!read().some((seen) => seen.includes('secret_admin') || seen.includes('\ufffd')));
});

test('a call that asks for no answer is dropped', async (t) => {
  const { client, calls } = await guarded(t);
  client.send({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'echo', arguments: {} } });
  await client.request('ping');
  assert.deepEqual(calls(), []);
});

test('replies find their calls in any order and with any id', async (t) => {
  const { client } = await guarded(t);
  const ids = [7, '7', 'a"b', -1, 9007199254740991, ...Array.from({ length: 95 }, (_, at) => 1000 + at)];
  for (const id of ids) {
    client.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'hold', arguments: { of: ids.length } } });
  }
  for (const id of ids) {
    const { result } = JSON.parse(await client.reply(id));
    assert.equal(result.content[0].text, `answer to ${JSON.stringify(id)}`);
  }
});

test('a result keeps its numbers, its order and its spacing', async (t) => {
  const { client } = await guarded(t);
  const text = '{"result" : {"content":[{"type":"text","text":"ok \\u0041"}],'
    + '"structuredContent":{"n":12345678901234567890,"m":1.10, "e":1E+2}},"jsonrpc":"2.0","id":$ID}';
  const id = client.nextId;
  assert.equal(await emit(client, text), text.replace('$ID', String(id)));
});

test('a secret is masked in the text, in the structured content and nowhere else', async (t) => {
  const dir = folder(t);
  const secrets = { github: githubToken(), aws: awsKeyId(), password: password() };
  writeFileSync(
    join(dir, 'config.env'),
    `OWNER=ann@example.com\nGITHUB_TOKEN=${secrets.github}\nAWS_ACCESS_KEY_ID=${secrets.aws}\nDB_PASSWORD=${secrets.password}\nPORT=8080\n`,
  );
  const client = wire(t, behind(writePolicy(dir), official('filesystem', dir)));
  await client.initialize();
  const reply = await client.call('read_text_file', { path: join(dir, 'config.env') });
  for (const [kind, secret] of Object.entries(secrets)) assert.ok(!reply.includes(secret), kind);
  const { result } = JSON.parse(reply);
  assert.equal(result.structuredContent.content, result.content[0].text);
  assert.match(result.content[0].text, /^OWNER=ann@example\.com\nGITHUB_TOKEN=.+\n[^]*\nPORT=8080\n$/);
});

test('a secret is masked in errors, refusals of the server, logs and messages nobody asked for', async (t) => {
  const { client } = await guarded(t);
  const secret = githubToken();
  const [error, refused, log, stray] = [
    `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"bad ${secret}","data":{"k":"${secret}"}}}`,
    `{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"bad ${secret}"}],"isError":true}}`,
    `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"log ${secret}"}}`,
    `{"jsonrpc":"2.0","id":"nobody","result":{"content":[{"type":"text","text":"stray ${secret}"}]}}`,
  ];
  await emit(client, error);
  await emit(client, log, stray, refused);
  // The second answer to one request.
  const id = client.nextId;
  await emit(client, '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}', refused);
  await client.request('ping');
  assert.ok(client.lines.some((seen) => seen.includes('log ')));
  for (const seen of client.lines) assert.ok(!seen.includes(secret), `${id}: ${seen}`);
});

test('a message of the server that two readers could read in two ways is not shown', async (t) => {
  const { client } = await guarded(t);
  const bad = [
    '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]},"result":{"content":[{"type":"text","text":"TWICE"}]}}',
    '[{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"TWICE"}]}}]',
    `{"jsonrpc":"2.0","id":$ID,"result":${'['.repeat(5000)}"TWICE"${']'.repeat(5000)}}`,
  ];
  for (const [at, text] of bad.entries()) {
    // A reply that hides in an array answers no call: only the others are turned into an error.
    if (at === 1) client.send({ jsonrpc: '2.0', id: 500, method: 'tools/call', params: { name: 'emit', arguments: { lines: [text] } } });
    else assert.equal(JSON.parse(await emit(client, text)).error.code, -32603);
  }
  await client.request('ping');
  assert.ok(!client.lines.some((seen) => seen.includes('TWICE')));
});

test('nothing but JSON-RPC reaches standard output', async (t) => {
  const { client } = await guarded(t);
  const note = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":0.50}}';
  await emit(client, 'Server ready!', '', note, '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}');
  assert.ok(client.lines.includes(note));
  for (const seen of client.lines) assert.equal(JSON.parse(seen).jsonrpc, '2.0');
  await client.until(() => client.stderr.includes('Server ready!'), 'the noise on standard error');
});

test("the server's own requests reach the client, and the answers the server", async (t) => {
  const { client, read } = await guarded(t);
  const id = client.nextId;
  // The id of the server's request is that of a call in flight: the two count apart.
  const ping = `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
  await emit(client, ping, '{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}');
  assert.ok(client.lines.includes(ping));
  const answer = `{"jsonrpc":"2.0","id":${id},"result":{}}`;
  client.send(answer);
  await client.request('ping');
  assert.ok(read().includes(answer));
});

test('lines may end in CR LF, come in pieces and come two at once', async (t) => {
  const { client, calls } = await guarded(t);
  client.write(`${line(95, 'echo', '{}')}\r\n`);
  await client.reply(95);
  for (const byte of Buffer.from(`${line(96, 'echo', '{"made_up":1}')}\n`)) client.write(Buffer.from([byte]));
  await client.reply(96);
  client.write(`${line(97, 'echo', '{}')}\n${line(98, 'echo', '{}')}\n`);
  await Promise.all([client.reply(97), client.reply(98)]);
  assert.equal(calls().length, 4);
  assert.ok(!calls()[1].includes('made_up'));
});
