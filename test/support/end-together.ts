import { descendantsOf } from './real-daemon.ts';

const SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/** When this process is told to end, whatever it has started ends first: a daemon under test would live on alone. */
export function endTogether(): void {
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      for (const pid of descendantsOf(process.pid)) kill(pid);
      process.kill(process.pid, signal);
    });
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
