// What a permissive policy allows comes back byte for byte as without Airlock.
//
// Each official server is started twice from equal fresh state, once alone and once behind
// `airlock run --policy permissive`, and asked the same things: the handshake, its lists and calls. The
// reply lines must be equal. A call whose reply holds a clock says so in `unlike`, with the reason and
// with what is left out of the comparison; nothing else may differ. (These servers drop ghost arguments
// themselves, so a call with one is answered alike too.)
import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { behind, folder, official } from './lib/paths.js';
import { wire } from './lib/wire.js';

const call = (name, args, unlike) => ({ method: 'tools/call', params: { name, arguments: args }, unlike });
const ask = (method, params = {}) => ({ method, params });

/** A pixel: the smallest file that the media tool reads. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const sessions = {
  everything: {
    command: () => official('everything', 'stdio'),
    requests: () => [
      ask('tools/list'),
      call('echo', { message: 'hi' }),
      call('echo', { message: 'naïve ☃ \u2028 \u0000 "quoted" \\ 🎈' }),
      call('get-sum', { a: 1, b: 2 }),
      call('get-sum', { a: -0.5, b: 1e21 }),
      call('get-sum', { a: 1, b: 2, ghost: 3 }),
      call('get-structured-content', { location: 'Chicago' }),
      call('get-annotated-message', { messageType: 'error', includeImage: true }),
      call('get-tiny-image', {}),
      call('get-env', {}),
      call('get-resource-links', { count: 2 }),
      call('get-resource-reference', { resourceType: 'Text', resourceId: 1 }, {
        reason: 'the text states the time of day at which it was made',
        leave: /created at [^"]*/g,
      }),
      ask('tools/call', {
        name: 'trigger-long-running-operation',
        arguments: { duration: 0.2, steps: 4 },
        _meta: { progressToken: 'p1' },
      }),
      call('nosuch', {}),
      ask('resources/list'),
      ask('resources/templates/list'),
      ask('resources/read', { uri: 'demo://resource/static/document/architecture.md' }),
      ask('prompts/list'),
      ask('prompts/get', { name: 'args-prompt', arguments: { city: 'Oslo' } }),
      ask('no/such/method'),
      ask('ping'),
    ],
  },
  filesystem: {
    prepare(root) {
      mkdirSync(join(root, 'sub'), { recursive: true });
      const files = { 'a.txt': 'hello\n', 'long.txt': 'line of text\n'.repeat(8192), 'sub/b.json': '{"n":1}' };
      for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
      writeFileSync(join(root, 'pixel.png'), PNG);
      for (const name of [...Object.keys(files), 'pixel.png']) utimesSync(join(root, name), 1.7e9, 1.7e9);
    },
    command: (root) => official('filesystem', root),
    requests: (root) => [
      ask('tools/list'),
      call('read_text_file', { path: join(root, 'a.txt') }),
      call('read_text_file', { path: join(root, 'a.txt'), ghost: 1 }),
      call('read_text_file', { path: join(root, 'long.txt'), head: 3 }),
      call('read_text_file', { path: join(root, 'long.txt') }),
      call('read_multiple_files', { paths: [join(root, 'a.txt'), join(root, 'sub/b.json')] }),
      call('read_media_file', { path: join(root, 'pixel.png') }),
      call('read_text_file', { path: '/etc/passwd' }),
      call('list_directory', { path: root }),
      call('list_directory_with_sizes', { path: root, sortBy: 'size' }),
      call('directory_tree', { path: root }),
      call('search_files', { path: root, pattern: '*.json' }),
      call('get_file_info', { path: join(root, 'a.txt') }, {
        reason: 'each start has files of its own, made and last read at another moment',
        leave: /(created|accessed): [^\\]*/g,
      }),
      call('list_allowed_directories', {}),
      call('create_directory', { path: join(root, 'new') }),
      call('write_file', { path: join(root, 'new/c.txt'), content: 'one\ntwo\n' }),
      call('edit_file', { path: join(root, 'new/c.txt'), edits: [{ oldText: 'two', newText: 'three' }] }),
      call('move_file', { source: join(root, 'new/c.txt'), destination: join(root, 'd.txt') }),
      call('read_text_file', { path: join(root, 'd.txt') }),
    ],
  },
  memory: {
    env: (root) => ({ MEMORY_FILE_PATH: join(root, 'memory.jsonl') }),
    command: () => official('memory'),
    requests: () => [
      ask('tools/list'),
      call('create_entities', {
        entities: [{ name: 'Ann', entityType: 'person', observations: ['mail ann@example.com'] }],
      }),
      call('create_entities', { entities: [{ name: 'Bo', entityType: 'person', observations: [], ghost: 1 }] }),
      call('create_relations', { relations: [{ from: 'Ann', to: 'Bo', relationType: 'knows' }] }),
      call('add_observations', { observations: [{ entityName: 'Bo', contents: ['likes tea'] }] }),
      call('read_graph', {}),
      call('search_nodes', { query: 'Ann' }),
      call('open_nodes', { names: ['Bo'] }),
      call('delete_observations', { deletions: [{ entityName: 'Bo', observations: ['likes tea'] }] }),
      call('delete_relations', { relations: [{ from: 'Ann', to: 'Bo', relationType: 'knows' }] }),
      call('delete_entities', { entityNames: ['Bo'] }),
      call('read_graph', {}),
      ask('resources/list'),
    ],
  },
};

/**
 * Runs a session from fresh state and returns the handshake's reply, one reply line a request, and at last
 * what the server said unasked, as one text; when it says so is up to the server's timers.
 */
async function replies(t, server, root, wrap) {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root);
  server.prepare?.(root);
  const client = wire(t, wrap(server.command(root)), { env: server.env?.(root), cwd: root });
  const lines = [await client.initialize()];
  for (const { method, params } of server.requests(root)) lines.push(await client.request(method, params));
  await client.finish();
  const unasked = client.lines.filter((line) => 'method' in JSON.parse(line));
  return [...lines, unasked.sort().join('\n')];
}

for (const [name, server] of Object.entries(sessions)) {
  test(`${name}: a permissive policy changes no byte`, async (t) => {
    const root = join(realpathSync(folder(t)), 'root');
    const direct = await replies(t, server, root, (command) => command);
    const guarded = await replies(t, server, root, (command) => behind('permissive', command));
    const asked = [ask('initialize'), ...server.requests(root), ask('notifications')];
    for (const [at, { method, params, unlike }] of asked.entries()) {
      const what = method === 'tools/call' ? `call ${at}: ${params.name}` : `${at}: ${method}`;
      await t.test(what, (t) => {
        if (!unlike) return assert.equal(guarded[at], direct[at]);
        t.diagnostic(`${params.name}: compared apart from ${unlike.leave}, because ${unlike.reason}`);
        assert.match(direct[at], unlike.leave);
        return assert.equal(guarded[at].replace(unlike.leave, ''), direct[at].replace(unlike.leave, ''));
      });
    }
  });
}
