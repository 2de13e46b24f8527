// A server of SDK v2 in the era of 2026-07-28 with what the official conformance suite asks a server for, over HTTP
// with a server for each request; guarded, and its bytes with it, when its argument says so. Prints its address.
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { acceptedContent, createMcpHandler, inputRequired, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { airlock, Guard } from 'airlock-mcp';
import { rawFetch } from 'airlock-mcp/http';
import { z } from 'zod';

const guard = process.argv[2] === 'guarded' ? new Guard({ policy: 'permissive' }) : undefined;
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';
const image = { type: 'image', data: PNG, mimeType: 'image/png' };
const text = (value) => ({ type: 'text', text: value });
const resource = (uri, mimeType, value) => ({ type: 'resource', resource: { uri, mimeType, text: value } });

function build() {
  const server = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    { capabilities: { completions: {}, resources: {}, prompts: {}, tools: {} } },
  );
  const tool = (name, run, shape = {}) =>
    server.registerTool(name, { description: name, inputSchema: z.object(shape) }, async (args, ctx) => {
      const content = await run(args, ctx);
      return Array.isArray(content) ? { content } : content;
    });
  tool('test_simple_text', () => [text('This is a simple text response for testing.')]);
  tool('test_image_content', () => [image]);
  tool('test_audio_content', () => [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]);
  tool('test_embedded_resource', () => [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')]);
  tool('test_multiple_content_types', () => [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]);
  tool('test_error_handling', () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  tool('test_tool_with_progress', async (_, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      }
    }
    return [text('done')];
  });
  // A question that the client answers with its next request.
  tool('test_input_required_result_elicitation', (_, ctx) => {
    const schema = z.object({ name: z.string() });
    const said = acceptedContent(ctx.mcpReq.inputResponses, 'user_name', schema);
    if (said) return [text(`Hello, ${said.name}!`)];
    return inputRequired({ inputRequests: { user_name: inputRequired.elicit({ message: 'What is your name?', requestedSchema: schema }) } });
  });
  const fixed = (name, uri, mimeType, content) =>
    server.registerResource(name, uri, { mimeType }, () => ({ contents: [{ uri, mimeType, ...content }] }));
  fixed('text', 'test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  fixed('binary', 'test://static-binary', 'image/png', { blob: PNG });
  server.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }), {}, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }));
  const prompt = (name, make, shape) =>
    server.registerPrompt(name, { description: name, ...(shape ? { argsSchema: z.object(shape) } : {}) }, (args) => ({ messages: make(args).map((content) => ({ role: 'user', content })) }));
  prompt('test_simple_prompt', () => [text('This is a simple prompt for testing.')]);
  prompt('test_prompt_with_arguments', ({ arg1, arg2 }) => [text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)], { arg1: z.string(), arg2: z.string() });
  prompt('test_prompt_with_embedded_resource', ({ resourceUri }) => [
    resource(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
    text('Please process the embedded resource above.'),
  ], { resourceUri: z.string() });
  prompt('test_prompt_with_image', () => [image, text('Please analyze the image above.')]);
  server.server.setRequestHandler('completion/complete', () => ({ completion: { values: ['paris', 'park', 'party'], total: 150, hasMore: false } }));
  return guard ? airlock(server, { guard, warn() {} }) : server;
}

const handler = createMcpHandler(build);
const fetch = guard ? rawFetch((request) => handler.fetch(request)) : (request) => handler.fetch(request);
const listener = createServer(async (incoming, outgoing) => {
  const { method, headers } = incoming;
  const body = method === 'GET' || method === 'HEAD' ? undefined : Readable.toWeb(incoming);
  const request = new Request(`http://${headers.host}${incoming.url}`, { method, headers, body, duplex: 'half' });
  const { status, headers: sent, body: answer } = await fetch(request);
  outgoing.writeHead(status, Object.fromEntries(sent));
  if (answer) Readable.fromWeb(answer).pipe(outgoing);
  else outgoing.end();
});
listener.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${listener.address().port}/mcp`));
