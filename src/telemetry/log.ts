import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { PrettyOptions } from 'pino-pretty';
import { messageOf } from '../errors.ts';
import type { LogFormat, LogLevel } from '../options.ts';
import type { Redact } from '../redact.ts';
import { oneLine } from './one-line.ts';
import { type LineWriter, TextForm } from './text-form.ts';

/** Where a log goes. */
type LogTarget = LineWriter & { readonly isTTY?: boolean };

export interface LogOptions {
  readonly level: LogLevel;
  /** `auto`: `pretty` on a terminal, else `text`. */
  readonly format: LogFormat;
  /** Default: stderr, written before the call returns. */
  readonly destination?: LogTarget;
  /** Takes the daemon's own secrets out of every line. */
  readonly redact?: Redact;
}

const STDERR = 2;
const asItIs: Redact = (text) => text;

/**
 * The daemon's log. Lines name their part in `module`, and carry `policy`, `run` and `backend` where they are about
 * a run; the three forms are described in the README.
 */
export function createLog({ level, format, destination, redact = asItIs }: LogOptions): Logger {
  const target = destination ?? stderrTarget();
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    createForm(format, target, redact),
  );
}

/** A log that cannot be written (its reader gone, its disk full) must not stop the daemon. */
function stderrTarget(): LogTarget {
  const stderr = pino.destination({ fd: STDERR, sync: true });
  stderr.on('error', () => {});
  return { write: (line) => stderr.write(line), isTTY: isatty(STDERR) };
}

function createForm(format: LogFormat, target: LogTarget, clean: Redact): DestinationStream {
  const cleaned = { write: (line: string) => target.write(clean(line)) };
  switch (format) {
    case 'json':
      return cleaned;
    case 'text':
      return new TextForm(cleaned);
    case 'pretty':
      return prettyForm(target, clean);
    case 'auto':
      return createForm(target.isTTY === true ? 'pretty' : 'text', target, clean);
  }
}

/** pino-pretty is loaded only here: it takes longer than the rest of the log. */
function prettyForm(target: LogTarget, clean: Redact): DestinationStream {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  const options: PrettyOptions = {
    colorize: target.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'module',
    singleLine: true,
    messageFormat: ({ module, msg }) =>
      oneLine([module, msg].filter((part) => part !== undefined).join(': ')),
  };
  const prettify = prettyFactory(options);
  return { write: (line) => target.write(prettify(clean(line))) };
}

/** An error's own words only: what libraries hang on errors may hold requests, headers and tokens. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: messageOf(error) };
  return { type: error.name, message: messageOf(error), stack: error.stack };
}
