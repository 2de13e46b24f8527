// The server of SDK v2 as a process of its own, in both eras; a server for each connection, and one for a probe.
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { airlock, Guard } from 'airlock-mcp';
import { server } from './v2.mjs';

const guard = new Guard({ policy: JSON.parse(process.argv[2]) });
serveStdio(() => airlock(server(), { guard }));
