// Ends a thread, and then itself, while they wait for a store that hangs. Prints a line before the store is needed.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Firewall } from 'airlock-mcp';

const firewall = new Firewall(JSON.parse(process.argv[2]));
console.log('ready');
await once(process.stdin, 'data');
const worker = new Worker(
  `const { parentPort, workerData } = require('node:worker_threads');
   const firewall = require('airlock-mcp').Firewall.adopt(workerData);
   firewall.callAsync('pay', '{}');
   parentPort.postMessage('waits');`,
  { eval: true, workerData: firewall.share() },
);
await once(worker, 'message');
await sleep(100);
await worker.terminate();
if (firewall.calls.running !== 0) process.exit(1);
firewall.callAsync('pay', '{}');
await sleep(100);
process.exit(7);
