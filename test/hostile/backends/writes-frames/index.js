import { writeSync } from 'node:fs';
import { hostile, never } from '../../define.js';

/** Says in the daemon's own tongue that all runs were fine. */
export default hostile('writes-frames', () => {
  const json = Buffer.from(JSON.stringify({ type: 'returned', runs: [4_294_967_295] }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length);
  writeSync(3, Buffer.concat([head, json]));
  return never;
});
