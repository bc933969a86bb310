import { UnavailableError } from '../errors.ts';
import { madeLate } from '../load-late.ts';
import type { BackendHostOptions } from './create-host.ts';
import type { BackendHost } from './host.ts';

/** A host that is made, and all that it needs loaded, when the first package is opened: a daemon that starts opens none. */
export function lazyBackendHost(options: BackendHostOptions): BackendHost {
  let host: BackendHost | undefined;
  let making: Promise<unknown> | undefined;
  let isStopped = false;

  const made = madeLate(async () => {
    const { createBackendHost } = await import('./create-host.ts');
    host = createBackendHost(options);
    return host;
  });
  return {
    async open(packageName) {
      if (isStopped) throw new UnavailableError('the daemon is stopping');
      const whenMade = made();
      making = whenMade.catch(() => undefined);
      return await (await whenMade).open(packageName);
    },
    children: () => host?.children() ?? [],
    crashWaits: () => host?.crashWaits() ?? [],
    async stop() {
      isStopped = true;
      await making;
      await host?.stop();
    },
  };
}
