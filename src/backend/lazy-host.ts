import { UnavailableError } from '../errors.ts';
import type { BackendHostOptions } from './create-host.ts';
import type { BackendHost } from './host.ts';

/** A host that is made, and all that it needs loaded, when the first package is opened: a daemon that starts opens none. */
export function lazyBackendHost(options: BackendHostOptions): BackendHost {
  let making: Promise<BackendHost> | undefined;
  let host: BackendHost | undefined;
  let isStopped = false;

  const make = async (): Promise<BackendHost> => {
    const { createBackendHost } = await import('./create-host.ts');
    host = createBackendHost(options);
    return host;
  };
  return {
    async open(packageName) {
      if (isStopped) throw new UnavailableError('the daemon is stopping');
      making ??= make();
      return await (await making).open(packageName);
    },
    children: () => host?.children() ?? [],
    crashWaits: () => host?.crashWaits() ?? [],
    async stop() {
      isStopped = true;
      await (await making)?.stop();
    },
  };
}
