/**
 * Airlock for Node: a firewall for the tool calls of AI agents, inside your process.
 *
 * - {@link airlock} guards a whole MCP server in one line, {@link secureTool} one tool of it.
 * - {@link guardClient} guards an MCP client against the server that it connects to.
 * - {@link Guard} checks calls and filters outputs anywhere else.
 *
 * @packageDocumentation
 */
export {
  AirlockError,
  AuditError,
  type Fix,
  type Json,
  PinError,
  PolicyError,
  type Reason,
  type Refusal,
  RefusalError,
  ToolError,
  type Violation,
} from './errors.js';
export { type Calls, Firewall, type FirewallOptions, type Outcome, Permit } from './firewall.js';
export {
  Allowed,
  type Arguments,
  type CallContext,
  type Caller,
  type Details,
  type FilterOptions,
  type Filtered,
  Guard,
  type GuardOptions,
  type JsonSchema,
  type PolicyDocument,
  type PolicySource,
  Refused,
  type ToolDefinition,
  type Verdict,
} from './guard.js';
export {
  type AirlockOptions,
  type Connectable,
  type GuardEvent,
  type McpServerLike,
  type MessageExtra,
  type ToolArguments,
  type ToolConfig,
  airlock,
  guardClient,
  secureTool,
} from './mcp.js';
export type { GuardedSchema, InputOf, OutputOf, StandardResult, StandardSchema } from './schema.js';
