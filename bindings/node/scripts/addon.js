// Builds the addon and the command, and makes the package of this platform of them in npm/PLATFORM.
// `--debug` takes a debug build, which is quick to make; CARGO_TARGET_DIR says where cargo builds.
const { execFileSync } = require('node:child_process');
const { copyFileSync, mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const here = join(__dirname, '..');
const root = join(here, '../..');
const main = require(join(here, 'package.json'));
const profile = process.argv.includes('--debug') ? 'debug' : 'release';
const target = process.argv.find((word) => word.startsWith('--target='))?.slice('--target='.length);

/** Rust's name of a platform, and what npm and Node call it. */
const PLATFORMS = {
  'x86_64-unknown-linux-gnu': { name: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc' },
  'aarch64-unknown-linux-gnu': { name: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc' },
  'x86_64-unknown-linux-musl': { name: 'linux-x64-musl', os: 'linux', cpu: 'x64', libc: 'musl' },
  'aarch64-unknown-linux-musl': { name: 'linux-arm64-musl', os: 'linux', cpu: 'arm64', libc: 'musl' },
  'x86_64-apple-darwin': { name: 'darwin-x64', os: 'darwin', cpu: 'x64' },
  'aarch64-apple-darwin': { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64' },
};

const rustc = execFileSync('rustc', ['-vV'], { encoding: 'utf8' });
const triple = target ?? /^host: (.*)$/m.exec(rustc)[1];
const platform = PLATFORMS[triple];
if (!platform) throw new Error(`no package is made for ${triple}`);

const args = ['build', '-p', 'airlock-node', '-p', 'airlock-cli'];
if (profile === 'release') args.push('--release');
if (target) args.push('--target', target);
execFileSync('cargo', args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });

const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 1 << 28,
});
const built = join(JSON.parse(metadata).target_directory, target ?? '', profile);
const folder = join(here, 'npm', platform.name);
const library = platform.os === 'darwin' ? 'libairlock_node.dylib' : 'libairlock_node.so';
mkdirSync(folder, { recursive: true });
copyFileSync(join(built, library), join(folder, 'airlock.node'));
copyFileSync(join(built, 'airlock'), join(folder, 'airlock'));
copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
writeFileSync(
  join(folder, 'README.md'),
  `# ${main.name}-${platform.name}\n\nThe addon and the command of [${main.name}](${main.homepage}) for ${platform.name}.\n`,
);
const { name, os, cpu, libc } = platform;
const { version, license, author, repository, homepage, bugs, engines } = main;
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify(
    {
      name: `${main.name}-${name}`,
      version,
      description: `The addon and the command of ${main.name} for ${name}.`,
      license,
      author,
      repository,
      homepage,
      bugs,
      engines,
      os: [os],
      cpu: [cpu],
      ...(libc ? { libc: [libc] } : {}),
      main: 'airlock.node',
      files: ['airlock.node', 'airlock'],
    },
    undefined,
    2,
  )}\n`,
);
console.log(`npm/${name}: ${profile}`);
