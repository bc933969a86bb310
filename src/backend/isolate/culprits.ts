import type { Channel } from './channel.ts';
import { currentOwner } from './code-owner.ts';
import { textOf } from './thrown.ts';

/** Puts on record whose code ends the process, or throws where nobody can catch it. */
export function watchCulprits(channel: Channel): void {
  const leave = (): void => {
    channel.send({ type: 'leaving', run: currentOwner.getStore()?.number ?? null });
    channel.flush();
  };
  announce('exit', leave);
  announce('reallyExit', leave);
  announce('abort', leave);

  const threw = (thrown: unknown): void => {
    const owner = currentOwner.getStore();
    owner?.abandon();
    channel.send({ type: 'threw', run: owner?.number ?? null, message: textOf(thrown) });
  };
  process.on('uncaughtException', threw);
  process.on('unhandledRejection', threw);
}

/** Has `before` called whenever this function of `process` is. */
function announce(name: 'exit' | 'reallyExit' | 'abort', before: () => void): void {
  const original: unknown = Reflect.get(process, name);
  if (typeof original !== 'function') return;
  Reflect.set(process, name, (...args: unknown[]) => {
    before();
    return Reflect.apply(original, process, args);
  });
}
