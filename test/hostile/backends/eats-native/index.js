import { constants, createDeflate } from 'node:zlib';
import { hostile } from '../../define.js';

/** Each compressor keeps a quarter of a MiB that no heap knows of; it spins as well. */
export default hostile('eats-native', () => {
  const kept = [];
  for (;;) {
    const deflate = createDeflate({ memLevel: 9, windowBits: 15, level: constants.Z_BEST_COMPRESSION });
    deflate._handle.writeSync(
      0,
      Buffer.alloc(2 ** 16, kept.length),
      0,
      2 ** 16,
      Buffer.alloc(2 ** 16),
      0,
      2 ** 16,
    );
    kept.push(deflate);
  }
});
