import { type Logger, pino } from 'pino';

/** A log that can be read. */
export function readableLog(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) }), lines };
}
