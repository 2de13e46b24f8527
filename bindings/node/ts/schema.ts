// Standard Schema (https://standardschema.dev): the guard as the input schema of one tool.
import { type Json, ToolError } from './errors.js';
import type { Guard, JsonSchema, ToolDefinition } from './guard.js';

/** What a Standard Schema says of a value. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly PropertyKey[] | undefined }[] };

/** The part of Standard Schema, and of Standard JSON Schema, that is used here. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Tells whether a value fits, and what comes out. */
    readonly validate: (value: unknown, options?: never) => unknown;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
    readonly jsonSchema?: {
      /** The JSON Schema of what goes in. */
      readonly input: (options: never) => Record<string, unknown>;
      /** The JSON Schema of what comes out. */
      readonly output: (options: never) => Record<string, unknown>;
    };
  };
}

/** What `guard.schema` returns: a Standard Schema that knows its JSON Schema. */
export interface GuardedSchema<S = StandardSchema<{ [name: string]: Json }>> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Cuts, checks under the policy, and then validates as the schema inside does. */
    readonly validate: (
      value: unknown,
    ) => StandardResult<OutputOf<S>> | Promise<StandardResult<OutputOf<S>>>;
    readonly types?: { readonly input: InputOf<S>; readonly output: OutputOf<S> } | undefined;
    readonly jsonSchema: {
      /** The JSON Schema of what goes in. */
      readonly input: (options: { target: string }) => Record<string, unknown>;
      /** The JSON Schema of what comes out. */
      readonly output: (options: { target: string }) => Record<string, unknown>;
    };
  };
}

/** What goes into a Standard Schema. */
export type InputOf<S> = S extends StandardSchema<infer Input, infer _> ? Input : unknown;
/** What comes out of a Standard Schema. */
export type OutputOf<S> = S extends StandardSchema<infer _, infer Output> ? Output : unknown;

/** Builds the guarded schema; `compile` makes the guard of its one tool. */
export function guardSchema(
  schema: StandardSchema | JsonSchema,
  name: string,
  compile: (tool: ToolDefinition) => Guard,
): GuardedSchema {
  const inner = typeof schema === 'object' && '~standard' in schema ? (schema as StandardSchema)['~standard'] : undefined;
  const document = (of: 'input' | 'output', options: { target: string }): Record<string, unknown> => {
    if (!inner) return typeof schema === 'object' ? { ...(schema as object) } : schema ? {} : { not: {} };
    const convert = inner.jsonSchema?.[of];
    if (!convert) throw new ToolError(`the schema of ${inner.vendor} does not know its JSON Schema`);
    return convert(options as never);
  };
  const guard = compile({ name, inputSchema: document('input', { target: 'draft-2020-12' }) });
  return {
    '~standard': {
      version: 1,
      vendor: inner?.vendor ?? 'airlock',
      validate(value) {
        const verdict = guard.check(name, JSON.stringify(value) ?? '');
        if (!verdict.allowed) return { issues: issues(verdict.violations, verdict.refusal.message) };
        const clean = verdict.changed ? verdict.value : value;
        // The schema itself has the last word: defaults and transforms are its own.
        return (inner ? inner.validate(clean) : { value: clean }) as StandardResult<never>;
      },
      jsonSchema: {
        input: (options) => document('input', options),
        output: (options) => document('output', options),
      },
    },
  };
}

function issues(
  violations: readonly { readonly path: string; readonly message: string; readonly fix_hint: string }[],
  message: string,
): { message: string; path: string[] }[] {
  if (violations.length === 0) return [{ message, path: [] }];
  return violations.map((violation) => ({
    message: [violation.message, violation.fix_hint].filter(Boolean).join(' '),
    path: violation.path.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~')),
  }));
}
