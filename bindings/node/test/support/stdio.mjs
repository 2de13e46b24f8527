// The server of the tests as a process of its own, guarded as its argument says.
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { airlock } from 'airlock-mcp';
import { serverV1 } from './servers.mjs';

const policy = JSON.parse(process.argv[2]);
const server = airlock(serverV1(), policy === null ? {} : { policy });
await server.connect(new StdioServerTransport());
