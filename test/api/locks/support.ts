import { type Logger, pino } from 'pino';
import { vi } from 'vitest';
import type { HeldClock } from '../../support/held-clock.ts';

/** A log that can be read. */
export function readableLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}

/** Lets the daemon look at its files as often as it takes. */
export async function looksUntil(
  clock: HeldClock,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const look = async (): Promise<boolean> => {
    await clock.advance(2_000);
    return condition();
  };
  await vi.waitUntil(look, { timeout: 5_000, interval: 5 });
}
