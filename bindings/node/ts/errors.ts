/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Why a call or an output is refused. Names are only ever added. */
export type Reason =
  | 'validation_failed'
  | 'malformed_arguments'
  | 'ghost_arguments'
  | 'unknown_tool'
  | 'tool_denied'
  | 'tool_not_allowed'
  | 'condition_failed'
  | 'time_restricted'
  | 'rate_limited'
  | 'identity_required'
  | 'role_denied'
  | 'budget_exceeded'
  | 'tool_changed'
  | 'output_invalid'
  | 'sandbox_error'
  | 'internal_error'
  | 'approval_required'
  | 'halted'
  | 'session_rule'
  | 'too_complex'
  | 'tool_unsupported';

/** The reasons by their number. */
export const REASONS: readonly (Reason | undefined)[] = [
  undefined,
  'validation_failed',
  'malformed_arguments',
  'ghost_arguments',
  'unknown_tool',
  'tool_denied',
  'tool_not_allowed',
  'condition_failed',
  'time_restricted',
  'rate_limited',
  'identity_required',
  'role_denied',
  'budget_exceeded',
  'tool_changed',
  'output_invalid',
  'sandbox_error',
  'internal_error',
  'approval_required',
  'halted',
  'session_rule',
  'too_complex',
  'tool_unsupported',
];

/** A repair that a program can make without reading prose. */
export interface Fix {
  /** `add`, `remove`, `rename`, `replace`, `quote`, `unquote`, `wrap`, `unwrap`, `parse`, `list` or `number`. */
  readonly op: string;
  /** RFC 6901 pointer to what it applies to. */
  readonly path: string;
  /** The new name or value. It comes from the schema, never from the call. */
  readonly to: Json;
}

/** One thing that is wrong with the arguments of a call. No value of the call is in it. */
export interface Violation {
  /** RFC 6901 pointer into the arguments. */
  readonly path: string;
  /** The JSON Schema keyword, or `parse`, `duplicateKey` or `ghost`. */
  readonly keyword: string;
  /** What the schema wants, in words. */
  readonly expected: string;
  /** What came: a type, never the value. */
  readonly received: string;
  /** A sentence for the model. */
  readonly message: string;
  /** An imperative sentence; empty when there is nothing to advise. */
  readonly fix_hint: string;
  /** A repair that a program can make. */
  readonly fix: Fix | null;
  /** For `required`: the missing name. */
  readonly property?: string;
  /** For `parse` and `duplicateKey`: the byte offset. */
  readonly offset?: number;
  /** For unions: their variants, the one that was probably meant first. */
  readonly variants?: Json;
}

/** A refusal as the model gets it: at most 2,048 bytes of JSON. */
export interface Refusal {
  /** Version of this form. */
  readonly v: number;
  readonly status: 'blocked';
  readonly reason: Reason;
  /** The tool that was called. */
  readonly tool: string;
  /** What is wrong, in a sentence. */
  readonly message: string;
  /** What is wrong, one by one; the last are left out when they do not fit. */
  readonly violations: readonly Omit<Violation, 'property' | 'offset'>[];
  /** Advice that belongs to no violation. */
  readonly fix_hints: readonly string[];
  /** Whether a corrected call may be sent. */
  readonly retryable: boolean;
  /** The rule that refused, where the policy discloses it. */
  readonly rule: string | null;
  /** When to try again. */
  readonly retry_after_ms: number | null;
}

/** What every error of this package is. */
export class AirlockError extends Error {
  override name = 'AirlockError';
}

/** A policy cannot be read or honoured; the message has the place. */
export class PolicyError extends AirlockError {
  override name = 'PolicyError';
}

/** The definition of a tool cannot be honoured; the message has the place. */
export class ToolError extends AirlockError {
  override name = 'ToolError';
}

/** The audit log cannot be opened. */
export class AuditError extends AirlockError {
  override name = 'AuditError';
}

/** The pin file cannot be read, or a connection under one has no name of a server. */
export class PinError extends AirlockError {
  override name = 'PinError';
}

/** A call or an output was refused. `message` is the text for the model. */
export class RefusalError extends AirlockError {
  override name = 'RefusalError';
  /** The refusal, read. */
  readonly refusal: Refusal;

  /** Of the refusal as JSON text. */
  constructor(text: string) {
    super(text);
    this.refusal = JSON.parse(text) as Refusal;
  }

  /** Why. */
  get reason(): Reason {
    return this.refusal.reason;
  }

  /** The tool that was called. */
  get tool(): string {
    return this.refusal.tool;
  }

  /** What is wrong, one by one. */
  get violations(): Refusal['violations'] {
    return this.refusal.violations;
  }

  /** Whether a corrected call may be sent. */
  get retryable(): boolean {
    return this.refusal.retryable;
  }
}

/** The class for an error of the addon, whose message begins with its kind on a line of its own. */
export function typed(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const [, kind, message] = /^(policy|tool|audit|pins)\n([^]*)$/.exec(error.message) ?? [];
  switch (kind) {
    case 'policy':
      return new PolicyError(message);
    case 'tool':
      return new ToolError(message);
    case 'audit':
      return new AuditError(message);
    case 'pins':
      return new PinError(message);
    default:
      return error;
  }
}
