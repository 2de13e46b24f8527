// Packs what is published: a package of each platform whose addon lies in npm/, and the main package, which names
// them as optional dependencies of its own version. `node scripts/pack.js [FOLDER]`; prints the files.
const { execFileSync } = require('node:child_process');
const { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

const here = join(__dirname, '..');
const out = resolve(process.argv[2] ?? here);
// What only a checkout needs is not published; dependencies on packages that are not there yet not committed.
const { scripts, devDependencies, ...main } = require(join(here, 'package.json'));
const staged = join(here, 'npm', main.name);

rmSync(staged, { recursive: true, force: true });
mkdirSync(staged, { recursive: true });
mkdirSync(out, { recursive: true });
const platforms = readdirSync(join(here, 'npm')).filter((name) => name !== main.name);
for (const name of [...main.files, 'README.md', 'LICENSE']) {
  cpSync(join(here, name), join(staged, name), { recursive: true });
}
main.optionalDependencies = Object.fromEntries(platforms.map((name) => [`${main.name}-${name}`, main.version]));
writeFileSync(join(staged, 'package.json'), `${JSON.stringify(main, undefined, 2)}\n`);
for (const name of [...platforms, main.name]) {
  const args = ['pack', '--silent', '--pack-destination', out];
  console.log(join(out, execFileSync('npm', args, { cwd: join(here, 'npm', name), encoding: 'utf8' }).trim()));
}
