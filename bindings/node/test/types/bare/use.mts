// A project without the types of Node, which checks the declarations of its packages.
import { Guard } from 'airlock-mcp';

export const text: string = new Guard().filter('t', 'text').output;
