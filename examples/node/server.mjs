// An MCP server over a table of customers. One line makes it safe to hand to a model.
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { airlock } from 'airlock-mcp';
import { z } from 'zod';

const db = new DatabaseSync(':memory:');
db.exec('CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT, ssn TEXT, plan TEXT)');
const add = db.prepare('INSERT INTO customer (name, email, ssn, plan) VALUES (?, ?, ?, ?)');
add.run('Ann Lee', 'ann@example.com', [536, 22, 8741].join('-'), 'pro');
add.run('Bo Cruz', 'bo@example.org', [219, 45, 6638].join('-'), 'free');

const policy = fileURLToPath(new URL('policy.toml', import.meta.url));
const server = airlock(new McpServer({ name: 'customers', version: '1.0.0' }), { policy }); // the one line

const reply = (value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });

server.registerTool(
  'find_customers',
  { description: 'Finds customers by name', inputSchema: { name: z.string(), limit: z.number().int().max(100).default(10) } },
  async ({ name, limit }) => reply(db.prepare('SELECT * FROM customer WHERE name LIKE ? LIMIT ?').all(`%${name}%`, limit)),
);
server.registerTool(
  'set_plan',
  { description: 'Changes the plan of a customer', inputSchema: { id: z.coerce.number().int(), plan: z.enum(['free', 'pro']) } },
  async ({ id, plan }) => reply({ changed: Number(db.prepare('UPDATE customer SET plan = ? WHERE id = ?').run(plan, id).changes) }),
);
server.registerTool(
  'delete_customer',
  { description: 'Deletes a customer', inputSchema: { id: z.number().int() } },
  async ({ id }) => reply({ deleted: Number(db.prepare('DELETE FROM customer WHERE id = ?').run(id).changes) }),
);

await server.connect(new StdioServerTransport());
