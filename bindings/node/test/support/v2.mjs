// The server of the tests, of SDK v2.
import { McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { awsKey } from './secrets.mjs';

export function server() {
  const server = new McpServer({ name: 'shop', version: '2' });
  const text = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
  server.registerTool('refund', { inputSchema: z.object({ order: z.string(), amount: z.number().int() }) }, async (args) => text(args));
  server.registerTool('delete_all', { inputSchema: z.object({}) }, async () => text('gone'));
  server.registerTool('leak', { inputSchema: z.object({}) }, async () => text({ key: awsKey }));
  return server;
}
