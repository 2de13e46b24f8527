// An MCP server that does what a test tells it to do, also what no honest server does.
//
// Tools: `echo` answers with the exact line that called it; `emit` writes its `lines` to standard output
// as they are, with $ID standing for the id of the call; `hold` keeps calls until `of` of them are
// there, then answers the last one first; `exit` ends the process at once.
// Options: --log FILE (every byte read), --eof CODE (exit code at end of input; `ignore` stays alive),
// --deaf (SIGTERM is ignored), --stderr TEXT, --pids FILE (own process id and that of a grandchild).
import { spawn } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    log: { type: 'string' },
    eof: { type: 'string', default: '0' },
    deaf: { type: 'boolean' },
    stderr: { type: 'string' },
    pids: { type: 'string' },
  },
});

const lines = { type: 'array', items: { type: 'string' } };
const tools = [
  { name: 'echo', inputSchema: object({ text: { type: 'string' }, count: { type: 'integer' } }) },
  { name: 'emit', inputSchema: object({ lines }, ['lines']) },
  { name: 'hold', inputSchema: object({ of: { type: 'integer' } }, ['of']) },
  { name: 'exit', inputSchema: object({ code: { type: 'integer' } }, ['code']) },
  { name: 'secret_admin', inputSchema: object({ text: { type: 'string' } }) },
];
let held = [];

function object(properties, required = []) {
  return { type: 'object', properties, required };
}

const write = (line) => process.stdout.write(`${line}\n`);
const answer = (id, result) => write(JSON.stringify({ jsonrpc: '2.0', id, result }));
const text = (id, value) => answer(id, { content: [{ type: 'text', text: value }] });

function call(line, { id, params: { name, arguments: args } }) {
  switch (name) {
    case 'emit':
      // The id as it was spelt: no round trip through a number that may lose digits.
      for (const out of args.lines) write(out.replaceAll('$ID', /"id":("[^"]*"|[^,}]*)/.exec(line)[1]));
      return;
    case 'hold':
      held.push(id);
      if (held.length < args.of) return;
      for (const one of held.reverse()) text(one, `answer to ${JSON.stringify(one)}`);
      held = [];
      return;
    case 'exit':
      process.exit(args.code);
      break;
    default:
      text(id, line);
  }
}

function receive(line) {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    return;
  }
  const { id, method } = message;
  if (method === 'initialize') {
    answer(id, {
      protocolVersion: message.params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: 'fake', version: '1' },
    });
  } else if (method === 'tools/list') {
    answer(id, { tools });
  } else if (method === 'tools/call') {
    call(line, message);
  } else if (method !== undefined && id !== undefined) {
    answer(id, {});
  }
}

if (options.stderr) process.stderr.write(options.stderr);
if (options.deaf) process.on('SIGTERM', () => {});
if (options.pids) {
  const grandchild = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  writeFileSync(options.pids, `${process.pid} ${grandchild.pid}`);
}
let rest = '';
process.stdin.on('data', (chunk) => {
  if (options.log) appendFileSync(options.log, chunk);
  rest += chunk;
  for (let end; (end = rest.indexOf('\n')) >= 0; rest = rest.slice(end + 1)) receive(rest.slice(0, end));
});
process.stdin.on('end', () => {
  if (options.eof === 'ignore') setInterval(() => {}, 1e6);
  else process.exit(Number(options.eof));
});
