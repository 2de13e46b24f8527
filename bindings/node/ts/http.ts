// Requests over HTTP guarded as bytes, before any JSON.parse: what an SDK's reader loses (one of two equal keys, the
// digits of big integers, broken Unicode) is seen.
import type { IncomingMessage, ServerResponse } from 'node:http';

import { withBody } from './body.js';
import { native } from './native.js';

/** A longer body is answered 413; the guard refuses messages above 10 MiB. */
const LONGEST = 10 << 20;

/** A request whose body has been read. */
export type ReadRequest<R extends IncomingMessage = IncomingMessage> = R & { body?: unknown };

/**
 * Middleware for Node and Express: reads the JSON body of a `POST` and puts it, parsed, into `request.body`, as
 * `express.json()` does; in place of that, and before it. The servers that `airlock` guards decide on the bytes.
 *
 * ```ts
 * import { rawBody } from 'airlock-mcp/http';
 *
 * app.use('/mcp', rawBody());                                  // Express
 * createServer((request, response) =>                          // Node alone
 *   rawBody()(request, response, () => transport.handleRequest(request, response, request.body)));
 * ```
 */
export function rawBody(): (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => unknown,
) => void {
  return (request, response, next) => {
    if (request.method !== 'POST') return void next();
    const { 'content-encoding': encoding = 'identity' } = request.headers;
    // What is compressed would be parsed by another reader, and its bytes not be seen.
    if (encoding !== 'identity') return answer(response, 415, -32700, 'Parse error: the body is compressed');
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= LONGEST) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('error', next);
    request.on('end', () => {
      if (length > LONGEST) return answer(response, 413, -32600, 'the message is too long');
      const bytes = Buffer.concat(chunks);
      const read = request as ReadRequest & { _body?: boolean };
      try {
        read.body = JSON.parse(bytes.toString());
      } catch {
        return answer(response, 400, -32700, 'Parse error: Invalid JSON');
      }
      // body-parser asks for this.
      read._body = true;
      withBody(messagesOf(bytes), () => next());
    });
  };
}

/**
 * The same for handlers of web-standard requests: Hono, Bun, Deno, workers, and `createMcpHandler` of SDK v2.
 *
 * ```ts
 * const handler = createMcpHandler(() => airlock(build(), { guard }));
 * export default { fetch: rawFetch((request) => handler.fetch(request)) };
 * ```
 */
export function rawFetch<Rest extends unknown[], Answer>(
  handler: (request: Request, ...rest: Rest) => Answer | Promise<Answer>,
): (request: Request, ...rest: Rest) => Promise<Answer | Response> {
  return async (request, ...rest) => {
    if (request.method !== 'POST') return handler(request, ...rest);
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > LONGEST) return Response.json(failure(-32600, 'the message is too long'), { status: 413 });
    return withBody(messagesOf(bytes), () => handler(new Request(request, { body: bytes }), ...rest));
  };
}

/** The bytes of each message; nothing for a batch that has no one reading. */
function messagesOf(bytes: Uint8Array): Uint8Array[] | null {
  const spans = native.elements(bytes);
  if (spans === null) return null;
  // No batch: it is decided on whatever it is.
  if (spans.length === 0) return [bytes];
  const messages: Uint8Array[] = [];
  for (let at = 0; at + 1 < spans.length; at += 2) messages.push(bytes.subarray(spans[at], spans[at + 1]));
  return messages;
}

const failure = (code: number, message: string): object => ({ jsonrpc: '2.0', error: { code, message }, id: null });

function answer(response: ServerResponse, status: number, code: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(failure(code, message)));
}
