#!/usr/bin/env node
// The `airlock` command: the binary of the platform's package, in this one's place as far as Node allows.
'use strict';
const { spawn } = require('node:child_process');
const { join } = require('node:path');
const { platformFolder } = require('../dist/native.js');

const child = spawn(join(platformFolder(), 'airlock'), process.argv.slice(2), { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`airlock: ${error.message}`);
  process.exitCode = 127;
});
child.on('exit', (code, signal) => {
  if (!signal) return process.exit(code ?? 1);
  // The shell wants to know of the signal.
  process.removeAllListeners(signal);
  return process.kill(process.pid, signal);
});
