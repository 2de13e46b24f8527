// A process of a fleet: makes as many calls as it is told, at once and one after the other, and prints how many were let
// through.
import { Firewall } from 'airlock-mcp';

const [, , options, calls] = process.argv;
const firewall = new Firewall(JSON.parse(options));
let allowed = 0;
const make = async () => {
  const verdict = await firewall.callAsync('pay', '{"amount":1}', { agent: 'ann' });
  if (verdict.allowed) allowed++, verdict.finish('ok');
};
for (let left = Number(calls); left > 0; left -= 10) await Promise.all(Array.from({ length: Math.min(left, 10) }, make));
console.log(allowed);
