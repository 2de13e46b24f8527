// A fastmcp server as a process of its own, guarded as its argument says.
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { airlock } from 'airlock-mcp';
import { FastMCP } from 'fastmcp';
import { z } from 'zod';
import { awsKey } from './secrets.mjs';

airlock(Server, { policy: JSON.parse(process.argv[2]) });
const server = new FastMCP({ name: 'shop', version: '1.0.0' });
server.addTool({
  name: 'refund',
  description: 'gives money back',
  parameters: z.object({ amount: z.number() }),
  execute: async (args) => JSON.stringify(args),
});
server.addTool({ name: 'delete_all', description: 'deletes', parameters: z.object({}), execute: async () => 'gone' });
server.addTool({ name: 'leak', description: 'leaks', parameters: z.object({}), execute: async () => `key ${awsKey}` });
await server.start({ transportType: 'stdio' });
