// A client that misbehaves as models do, and what it gets.
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const client = new Client({ name: 'model', version: '1.0.0' });
const server = fileURLToPath(new URL('server.mjs', import.meta.url));
await client.connect(new StdioClientTransport({ command: process.execPath, args: ['--no-warnings', server], stderr: 'ignore' }));

async function call(name, args) {
  console.log(`> ${name} ${JSON.stringify(args)}`);
  const { content, _meta } = await client.callTool({ name, arguments: args });
  const refusal = _meta?.['airlock/refusal'];
  if (!refusal) return console.log(`  ${content[0].text}\n`);
  console.log(`  blocked: ${refusal.reason}: ${refusal.message}`);
  for (const { message, fix_hint } of refusal.violations) console.log(`  ${message} ${fix_hint}`);
  for (const hint of refusal.fix_hints) console.log(`  ${hint}`);
  return console.log();
}

await call('find_customers', { name: 'Ann', include_deleted: true });
await call('find_customers', { name: 'Ann', limit: '5' });
await call('find_customers', { name: 'Bo', limits: 5 });
await call('set_plan', { id: null, plan: 'pro' });
await call('set_plan', { id: 2, plan: 'Pro' });
await call('set_plan', { id: 2, plan: 'pro' });
await call('delete_customer', { id: 1 });
await client.close();
