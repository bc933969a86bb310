/** Yields one device, then waits for ever without looking at the signal. */
export default {
  describe: () => ({ name: 'slow', app_name: 'slow', app_version: '1' }),
  async *run() {
    yield { device: { name: 'first' } };
    await new Promise(() => setInterval(() => undefined, 1_000));
  },
};
