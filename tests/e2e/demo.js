// Five tool calls of an AI agent, with Airlock between it and the official filesystem server.
//
// Everything shown happens: the official client calls, `airlock run` decides, the unmodified server
// answers. Each scene is checked, and the exit code is 1 when one of the five differs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { airlock, behind, official } from './lib/paths.js';
import { awsKeyId, githubToken, password } from './lib/secrets.js';

const POLICY = `denied_tools = [
    { tools = ["write_*", "edit_*", "move_*", "create_*"],
      hint = "This agent may only read: ask the user to change the file." },
]
`;

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code) => (text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, dim, red, green, cyan] = ['1', '2', '31', '32', '36'].map(paint);

const say = (text = '') => console.log(text);
/** A line of a scene: who, and what came from there. */
const line = (who, text) => say(`  ${cyan(who.padEnd(8))} ${text.replaceAll('\n', `\n${' '.repeat(11)}`)}`);

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'airlock-demo-')));
const at = (name) => join(dir, name);
const folderName = (text) => text.replaceAll(dir, '/demo');
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

// The world of the demo: a policy, a note, and a file with secrets that exist only now.
const secrets = [githubToken(), awsKeyId(), password()];
const config = `OWNER=ann@example.com\nGITHUB_TOKEN=${secrets[0]}\nAWS_ACCESS_KEY_ID=${secrets[1]}\nDB_PASSWORD=${secrets[2]}\n`;
writeFileSync(at('policy.toml'), POLICY);
writeFileSync(at('note.txt'), 'Buy milk.\nCall Ann.\nWater the plants.\n');
writeFileSync(at('config.env'), config);

const tap = [process.execPath, fileURLToPath(new URL('lib/tap.js', import.meta.url)), at('read.log')];
const [command, ...args] = behind(at('policy.toml'), [...tap, ...official('filesystem', dir)]);
const client = new Client({ name: 'airlock-demo', version: '1' });
await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore' }));
const { tools } = await client.listTools();

/** Calls a tool as the model asked for it. */
async function call(name, input) {
  line('model', folderName(`${bold(name)} ${JSON.stringify(input)}`));
  return client.callTool({ name, arguments: input });
}

/** The arguments of the calls that the server has read so far. */
function served() {
  const lines = readFileSync(at('read.log'), 'utf8').split('\n').filter((text) => text.includes('"tools/call"'));
  return lines.map((text) => JSON.parse(text).params.arguments);
}

/** The refusal as a person sees it: what `airlock check` prints for the same call. */
function forPeople(name, input) {
  writeFileSync(at('tools.jsonl'), tools.map((tool) => `${JSON.stringify(tool)}\n`).join(''));
  const words = ['check', name, JSON.stringify(input), '--tools', at('tools.jsonl'), '--policy', at('policy.toml')];
  line('person', dim(`airlock ${folderName(words.slice(0, 2).join(' '))} …`));
  say();
  const { stdout } = spawnSync(airlock(), words, {
    encoding: 'utf8',
    timeout: 10_000,
    env: { ...process.env, ...(colours && { CLICOLOR_FORCE: '1', FORCE_COLOR: '1' }) },
  });
  say(stdout.trimEnd().split('\n').map((text) => `    ${text}`).join('\n'));
  say();
  return stdout;
}

let differing = 0;
/** Plays one scene; it passes when everything that it checks is so. */
async function scene(number, title, play) {
  say(`\n${bold(`${number}. ${title}`)}`);
  const wrong = [];
  try {
    await play((what, holds) => holds || wrong.push(what));
  } catch (error) {
    wrong.push(String(error));
  }
  if (wrong.length === 0) return say(green('  ✔ as promised'));
  differing += 1;
  return say(red(`  ✘ differs: ${wrong.join('; ')}`));
}

const refused = (result, reason) => {
  const refusal = result._meta?.['airlock/refusal'];
  return result.isError === true && refusal?.reason === reason && !('structuredContent' in result);
};

say(`${bold('The policy')} ${dim('(policy.toml)')}\n\n${POLICY.replace(/^(?=.)/gm, '    ')}`);
say('/demo below stands for the folder that the agent may use. Lines marked model are what the AI');
say('asks for; server is what then reached the real server.');

await scene(1, 'A valid call goes through', async (check) => {
  const result = await call('read_text_file', { path: at('note.txt'), head: 2 });
  line('answer', result.content[0].text);
  check('the text of the file', result.content[0].text === 'Buy milk.\nCall Ann.');
});

await scene(2, 'An argument that the tool does not have is cut', async (check) => {
  const asked = { path: at('note.txt'), head: 1, summarise: true };
  const result = await call('read_text_file', asked);
  line('server', `${folderName(JSON.stringify(served().at(-1)))} ${dim('← the ghost argument never arrived')}`);
  line('answer', result.content[0].text);
  check('the other arguments, as they were', JSON.stringify(served().at(-1)) === JSON.stringify({ path: at('note.txt'), head: 1 }));
  check('the text of the file', result.content[0].text === 'Buy milk.');
});

await scene(3, 'A wrong type is refused, and the model can repair its call', async (check) => {
  const before = served().length;
  const asked = { path: at('note.txt'), head: '2' };
  const result = await call('read_text_file', asked);
  const refusal = result._meta?.['airlock/refusal'];
  line('answer', `${red('blocked')} ${dim('← what the model gets, as the text of the result')}`);
  say((JSON.stringify(refusal, null, 2) ?? '').replace(/^/gm, '           '));
  check('a refusal', refused(result, 'validation_failed'));
  check('a hint', refusal?.violations?.[0]?.path === '/head' && refusal.violations[0].fix_hint?.length > 0);
  check('nothing reached the server', served().length === before);
  check('Reason and Fix for people', /Reason[^]*Fix/.test(forPeople('read_text_file', asked)));
  const repaired = await call('read_text_file', { ...asked, head: 2 });
  line('answer', repaired.content[0].text);
  check('the repaired call', repaired.content[0].text === 'Buy milk.\nCall Ann.');
});

await scene(4, 'A tool that the policy denies is refused', async (check) => {
  const before = served().length;
  const asked = { path: at('note.txt'), content: '' };
  const result = await call('write_file', asked);
  line('answer', `${red('blocked')} ${result._meta?.['airlock/refusal']?.message}`);
  check('a refusal', refused(result, 'tool_denied'));
  check('Reason, Policy and Fix for people', /Reason[^]*Policy[^]*Fix/.test(forPeople('write_file', asked)));
  check('nothing reached the server', served().length === before);
  check('the file as it was', readFileSync(at('note.txt'), 'utf8').startsWith('Buy milk.'));
});

await scene(5, 'Secrets in what a tool returns are masked', async (check) => {
  line('on disk', config.trimEnd());
  const result = await call('read_text_file', { path: at('config.env') });
  line('answer', result.content[0].text.trimEnd());
  const seen = JSON.stringify(result);
  check('no secret in the answer', !secrets.some((secret) => seen.includes(secret)));
  check('the harmless line', result.content[0].text.startsWith('OWNER=ann@example.com\n'));
  check('text and structured content agree', result.structuredContent.content === result.content[0].text);
});

await client.close();
const passed = 5 - differing;
say(`\n${(differing === 0 ? green : red)(`${passed} of 5 as promised`)}`);
process.exitCode = differing === 0 ? 0 : 1;
