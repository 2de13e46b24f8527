// A server with everything that the official conformance suite asks a server for, over HTTP with sessions; guarded
// when its argument says so. Prints its address.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CompleteRequestSchema, SetLevelRequestSchema, SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { airlock, Guard } from 'airlock-mcp';
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
    { capabilities: { logging: {}, completions: {}, resources: { subscribe: true, listChanged: true } } },
  );
  const tool = (name, run, inputSchema = {}) =>
    server.registerTool(name, { description: name, inputSchema }, async (args, extra) => ({ content: await run(args, extra) }));
  tool('test_simple_text', () => [text('This is a simple text response for testing.')]);
  tool('test_image_content', () => [image]);
  tool('test_audio_content', () => [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]);
  tool('test_embedded_resource', () => [resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')]);
  tool('test_multiple_content_types', () => [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ]);
  tool('test_tool_with_logging', async (_, extra) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      await sleep(50);
    }
    return [text('logged')];
  });
  tool('test_tool_with_progress', async (_, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
      }
      await sleep(50);
    }
    return [text('done')];
  });
  tool('test_error_handling', () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  tool('test_reconnection', () => [text('reconnected')]);
  tool('test_sampling', async ({ prompt }, extra) => {
    const params = { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 };
    const { content } = await extra.sendRequest({ method: 'sampling/createMessage', params }, z.any());
    return [text(`LLM response: ${content.text}`)];
  }, { prompt: z.string() });
  const elicit = async (extra, message, properties, required) => {
    const params = { message, requestedSchema: { type: 'object', properties, ...(required ? { required } : {}) } };
    const { action, content } = await extra.sendRequest({ method: 'elicitation/create', params }, z.any());
    return [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)];
  };
  tool('test_elicitation', ({ message }, extra) => elicit(extra, message, {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  }, ['username', 'email']), { message: z.string() });
  tool('test_elicitation_sep1034_defaults', (_, extra) => elicit(extra, 'defaults', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }));
  const titled = (word) => ['First', 'Second', 'Third'].map((title, at) => ({ const: `value${at + 1}`, title: `${title} ${word}` }));
  const options = ['option1', 'option2', 'option3'];
  tool('test_elicitation_sep1330_enums', (_, extra) => elicit(extra, 'enums', {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
  }));
  const fixed = (name, uri, mimeType, content) =>
    server.registerResource(name, uri, { mimeType }, () => ({ contents: [{ uri, mimeType, ...content }] }));
  fixed('text', 'test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  fixed('binary', 'test://static-binary', 'image/png', { blob: PNG });
  fixed('watched', 'test://watched-resource', 'text/plain', { text: 'watched' });
  server.registerResource('template', new ResourceTemplate('test://template/{id}/data', { list: undefined }), {}, (uri, { id }) => ({
    contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }));
  const prompt = (name, make, argsSchema) =>
    server.registerPrompt(name, { description: name, ...(argsSchema ? { argsSchema } : {}) }, (args) => ({ messages: make(args).map((content) => ({ role: 'user', content })) }));
  prompt('test_simple_prompt', () => [text('This is a simple prompt for testing.')]);
  prompt('test_prompt_with_arguments', ({ arg1, arg2 }) => [text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)], { arg1: z.string(), arg2: z.string() });
  prompt('test_prompt_with_embedded_resource', ({ resourceUri }) => [
    resource(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
    text('Please process the embedded resource above.'),
  ], { resourceUri: z.string() });
  prompt('test_prompt_with_image', () => [image, text('Please analyze the image above.')]);
  server.server.setRequestHandler(CompleteRequestSchema, () => ({ completion: { values: ['paris', 'park', 'party'], total: 150, hasMore: false } }));
  server.server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  return guard ? airlock(server, { guard, warn() {} }) : server;
}

const sessions = new Map();
const listener = createServer(async (request, response) => {
  const { port } = listener.address();
  let transport = sessions.get(request.headers['mcp-session-id']);
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => sessions.set(id, transport),
      enableDnsRebindingProtection: true,
      allowedHosts: [`127.0.0.1:${port}`, `localhost:${port}`],
      allowedOrigins: [`http://127.0.0.1:${port}`, `http://localhost:${port}`],
    });
    await build().connect(transport);
  }
  await transport.handleRequest(request, response);
});
listener.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${listener.address().port}/mcp`));
