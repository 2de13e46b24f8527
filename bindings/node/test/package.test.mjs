// The packages as users get them: packed, installed into an empty project, run with only Node on the PATH.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(here, 'README.md'), 'utf8');
const npm = (args, cwd) => execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
let folder;
let tarballs;
/** The tarball of the main package comes last. */
const main = () => tarballs.at(-1);

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-package-'));
  const packed = execFileSync(process.execPath, [join(here, 'scripts/pack.js'), folder], { encoding: 'utf8' });
  tarballs = packed.trim().split('\n');
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  npm(['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', ...tarballs], folder);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs Node in the empty project, with a PATH on which only Node is. */
function node(...args) {
  const only = join(folder, 'only-node');
  if (!existsSync(only)) {
    mkdirSync(only);
    symlinkSync(process.execPath, join(only, 'node'));
  }
  const env = { HOME: folder, PATH: only };
  return spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env });
}

test('the sample of the README runs, and prints what the README says', () => {
  const [, sample] = /```js\n([^]*?)```/.exec(readme);
  const [, wanted] = /prints\n\n```\n([^]*?)```/.exec(readme);
  writeFileSync(join(folder, 'sample.mjs'), sample);
  const { stdout, stderr } = node('sample.mjs');
  assert.equal(stdout, wanted, stderr);
});

test('CommonJS gets the same', () => {
  const { stdout, stderr } = node('-p', "new (require('airlock-mcp').Guard)().filter('t', 'a').output");
  assert.equal(stdout, 'a\n', stderr);
});

test('the command runs, with the exit code of the binary', () => {
  const version = node('node_modules/.bin/airlock', '--version');
  assert.match(version.stdout, /^airlock \d/, version.stderr);
  assert.equal(node('node_modules/.bin/airlock', 'no-such-command').status, 2);
});

test('without the package of the platform the error says what to do', () => {
  const alone = mkdtempSync(join(tmpdir(), 'airlock-alone-'));
  try {
    writeFileSync(join(alone, 'package.json'), '{"private":true}');
    npm(['install', '--offline', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', main()], alone);
    const { stderr, status } = spawnSync(process.execPath, ['-e', "require('airlock-mcp')"], { cwd: alone, encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /optional package airlock-mcp-\S+ is not installed/);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});

test('the packages hold what is needed and nothing else', () => {
  const list = (name) => readdirSync(join(folder, 'node_modules', name), { recursive: true }).map(String).sort();
  const names = list('airlock-mcp');
  for (const name of ['package.json', 'README.md', 'LICENSE', 'bin/airlock.js', 'dist/index.mjs', 'dist/index.d.ts']) {
    assert.ok(names.includes(name), name);
  }
  assert.deepEqual([...new Set(names.map((name) => name.split('/')[0]))], ['LICENSE', 'README.md', 'bin', 'dist', 'package.json']);
  const { version, scripts, dependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(folder, 'node_modules/airlock-mcp/package.json'), 'utf8'),
  );
  assert.deepEqual([scripts, dependencies], [undefined, undefined]);
  const platforms = Object.keys(optionalDependencies);
  assert.equal(platforms.length, tarballs.length - 1);
  assert.ok(Object.values(optionalDependencies).every((wanted) => wanted === version));
  for (const name of platforms.filter((name) => existsSync(join(folder, 'node_modules', name)))) {
    assert.deepEqual(list(name), ['LICENSE', 'README.md', 'airlock', 'airlock.node', 'package.json']);
  }
});

test('publint and attw find nothing', () => {
  const run = (bin, args) => {
    const file = join(here, 'node_modules', bin);
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { cwd: here, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  };
  run('publint/src/cli.js', ['run', main(), '--strict']);
  run('@arethetypeswrong/cli/dist/index.js', [main(), '--no-definitely-typed', '--profile', 'node16']);
});
