// The text of a message, as JSON.stringify has it but for the order of members: most messages are calls and results of
// the same few members, and writing these by name takes a third of the time. What has any other member, or any member
// of another type, is left to JSON.stringify, part by part.

/**
 * The JSON text of a message.
 * @throws TypeError for what has no text and is no message
 */
export function textOf(message: unknown): string {
  const text = isPlain(message) ? envelope(message) : undefined;
  return text ?? stringify(message);
}

type Members = { readonly [name: string]: unknown };

function stringify(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError('a message that is no JSON');
  return text;
}

/** Whether it is an object that writes itself in no way of its own. */
function isPlain(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** A call of a tool, or a reply with a result; nothing for what is neither, or more than one of them. */
function envelope(message: Members): string | undefined {
  let id: string | undefined;
  let rest: string | undefined;
  let [isVersioned, isCall, isReply] = [false, false, false];
  for (const name in message) {
    const value = message[name];
    switch (name) {
      case 'jsonrpc':
        isVersioned = value === '2.0';
        break;
      case 'id':
        if (typeof value === 'number' || typeof value === 'string') id = stringify(value);
        break;
      case 'method':
        if (value !== 'tools/call') return undefined;
        isCall = true;
        break;
      case 'params':
        if (rest !== undefined || !isPlain(value)) return undefined;
        rest = params(value);
        if (rest === undefined) return undefined;
        break;
      case 'result':
        if (rest !== undefined || !isPlain(value)) return undefined;
        isReply = true;
        rest = result(value);
        break;
      default:
        return undefined;
    }
  }
  if (!isVersioned || id === undefined || rest === undefined || isCall === isReply) return undefined;
  return `{"jsonrpc":"2.0","id":${id},${isCall ? '"method":"tools/call","params"' : '"result"'}:${rest}}`;
}

function params(value: Members): string | undefined {
  let text = '';
  for (const name in value) {
    if (name !== 'name' && name !== 'arguments' && name !== '_meta') return undefined;
    const member = JSON.stringify(value[name]) as string | undefined;
    if (member !== undefined) text += `${text === '' ? '' : ','}"${name}":${member}`;
  }
  return `{${text}}`;
}

/** A result whose content is text, which is most of them. */
function result(value: Members): string {
  const { content } = value;
  for (const name in value) if (name !== 'content') return stringify(value);
  if (!Array.isArray(content) || content.length !== 1 || 'toJSON' in content) return stringify(value);
  const block = content[0] as unknown;
  if (!isPlain(block) || block['type'] !== 'text' || typeof block['text'] !== 'string') return stringify(value);
  for (const name in block) if (name !== 'type' && name !== 'text') return stringify(value);
  return `{"content":[{"type":"text","text":${JSON.stringify(block['text'])}}]}`;
}
