import { open } from 'node:fs/promises';
import { hostile } from '../../define.js';

/** Writes until the device is full, which this one is from the start. */
export default hostile('fills-disk', async () => {
  const file = await open('/dev/full', 'w');
  try {
    for (;;) await file.write('more '.repeat(10_000));
  } finally {
    await file.close();
  }
});
