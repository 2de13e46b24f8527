// The server of the tests with guarded standard input and output.
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { guardStdio } from 'airlock-mcp/stdio';
import { serverV1 } from './servers.mjs';

const { stdin, stdout } = guardStdio({ policy: JSON.parse(process.argv[2]), warn: () => {} });
await serverV1().connect(new StdioServerTransport(stdin, stdout));
