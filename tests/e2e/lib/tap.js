// Runs the command that follows FILE and copies every byte for its standard input to FILE too: what a
// server really got to read. `node tap.js FILE COMMAND [ARG…]`
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';

const [file, command, ...args] = process.argv.slice(2);
const copy = createWriteStream(file);
const child = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
process.stdin.on('data', (chunk) => copy.write(chunk));
process.stdin.pipe(child.stdin);
child.on('exit', (code) => process.exit(code ?? 1));
