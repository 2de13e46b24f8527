// What a user writes compiles, and what is wrong does not.
import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { McpServer as ServerV2 } from '@modelcontextprotocol/server';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { expectTypeOf } from 'expect-type';
import { z } from 'zod';
import {
  AirlockError,
  Firewall,
  Guard,
  type Permit,
  PinError,
  PolicyError,
  type PolicySource,
  type Reason,
  type Refusal,
  type Refused,
  RefusalError,
  type Verdict,
  type Violation,
  airlock,
  guardClient,
  secureTool,
} from 'airlock-mcp';
import { rawFetch } from 'airlock-mcp/http';
import { guardStdio } from 'airlock-mcp/stdio';

const guard = new Guard({ policy: 'policy.toml', tools: [{ name: 't', inputSchema: { type: 'object' } }] });
const verdict = guard.check('t', '{}', { agent: 'a', roles: ['r'], now: new Date() });
expectTypeOf(verdict).toEqualTypeOf<Verdict>();
if (verdict.allowed) {
  expectTypeOf(verdict.arguments).toEqualTypeOf<string>();
  // @ts-expect-error an allowed call has no reason
  verdict.reason;
} else {
  expectTypeOf(verdict.reason).toEqualTypeOf<Reason>();
  expectTypeOf(verdict.refusal).toEqualTypeOf<Refusal>();
  expectTypeOf(verdict.violations).toEqualTypeOf<readonly Violation[]>();
  // @ts-expect-error a refused call has no arguments to run with
  verdict.arguments;
}
expectTypeOf(guard.filter('t', 'text').output).toEqualTypeOf<string>();
expectTypeOf(guard.filter('t', new Uint8Array()).output).toEqualTypeOf<Uint8Array>();
expectTypeOf<PolicyError>().toExtend<AirlockError>();
expectTypeOf<PinError>().toExtend<AirlockError>();
expectTypeOf<RefusalError['refusal']>().toEqualTypeOf<Refusal>();

const v1 = new McpServer({ name: 'a', version: '1' });
expectTypeOf(airlock(v1)).toEqualTypeOf<McpServer>();
expectTypeOf(airlock(v1, { policy: { denied_tools: [] }, onEvent: ({ tool }) => tool })).toEqualTypeOf<McpServer>();
expectTypeOf(airlock(new Server({ name: 'a', version: '1' }), guard)).toEqualTypeOf<Server>();
airlock(Server, { guard });
const v2 = new ServerV2({ name: 'a', version: '2' });
expectTypeOf(airlock(v2, { guard })).toEqualTypeOf<ServerV2>();
secureTool(v1, 't', { inputSchema: { n: z.number() } }, async ({ n }) => {
  expectTypeOf(n).toEqualTypeOf<number>();
  return { content: [] };
}, { guard });
secureTool(v2, 't', { inputSchema: z.object({ s: z.string() }) }, async ({ s }) => {
  expectTypeOf(s).toEqualTypeOf<string>();
  return { content: [] };
}, { guard });

const { stdin, stdout } = guardStdio({ guard });
await v1.connect(new StdioServerTransport(stdin, stdout));

const schema = guard.schema(z.object({ n: z.number().default(1) }), 't');
expectTypeOf<NonNullable<(typeof schema)['~standard']['types']>['output']>().toEqualTypeOf<{ n: number }>();
v2.registerTool('t', { inputSchema: schema }, async ({ n }) => {
  expectTypeOf(n).toEqualTypeOf<number>();
  return { content: [] };
});

// @ts-expect-error no such option
new Guard({ polcy: 'strict' });
// @ts-expect-error not a server
airlock({});
// @ts-expect-error a number is no arguments
guard.check('t', 7);

const called = new Firewall({ coerce: ['t'], maskKey: 'sixteen bytes, or more' }).call('t', '{}', { session: 's' });
if (called.allowed) expectTypeOf(called.run(async (args) => args.length)).toEqualTypeOf<Promise<number>>();
else expectTypeOf(called.text).toEqualTypeOf<string>();
const firewall = new Firewall({ pinFile: 'pins.json', killFile: 'halt', redis: 'redis://127.0.0.1/' });
expectTypeOf(firewall.callAsync('t', '{}')).resolves.toEqualTypeOf<Permit | Refused>();
expectTypeOf(firewall.reload).parameter(0).toEqualTypeOf<PolicySource | undefined>();
firewall.reload({ toml: 'denied_tools = []' });
// @ts-expect-error a reload changes the policy, not the tools
firewall.reload({ tools: [] });
expectTypeOf(airlock(v1, { guard: firewall, name: 'shop' })).toEqualTypeOf<McpServer>();
airlock(v1, firewall);
expectTypeOf(guardClient(new Client({ name: 'a', version: '1' }), { guard: firewall, name: 'shop' })).toEqualTypeOf<Client>();
expectTypeOf(guardClient(new ClientV2({ name: 'a', version: '1' }), firewall)).toEqualTypeOf<ClientV2>();
// @ts-expect-error a server is guarded with airlock
guardClient({ server: v1.server });
guardStdio(firewall);
// @ts-expect-error what a firewall asks of a store is its own business
firewall.waits;
expectTypeOf(rawFetch(async () => new Response())).returns.resolves.toEqualTypeOf<Response>();
