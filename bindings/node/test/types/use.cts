// CommonJS has the same types.
import airlockMcp = require('airlock-mcp');

export const allowed: boolean = new airlockMcp.Guard().check('t', '{}').allowed;
