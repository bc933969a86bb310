import { createRequire } from 'node:module';
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
  readonly destination: LogTarget;
  /** Takes the daemon's own secrets out of every line. */
  readonly redact?: Redact;
}

const asItIs: Redact = (text) => text;

/**
 * The daemon's log. Lines name their part in `module`, and carry `policy`, `run` and `backend` where they are about
 * a run; the three forms are described in the README.
 */
export function createLog({ level, format, destination, redact = asItIs }: LogOptions): Logger {
  const form = createForm(format, destination, redact);
  const log = pino(
    {
      level,
      base: null,
      timestamp: hasTime(format, destination) && pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    form,
  );
  // pino makes each line's JSON first, which takes longer than the text. Children inherit this.
  if (form instanceof TextForm) Object.assign(log, { [pino.symbols.asJsonSym]: () => '' });
  return log;
}

/** The text form has no place for it: whoever collects it (journal, container, agent) adds the time. */
function hasTime(format: LogFormat, target: LogTarget): boolean {
  return format === 'json' || format === 'pretty' || (format === 'auto' && target.isTTY === true);
}

function createForm(format: LogFormat, target: LogTarget, clean: Redact): DestinationStream {
  switch (format) {
    case 'json':
      return new JsonForm((line, level) => target.write(clean(line), level));
    case 'text':
      return new TextForm({ write: (line, level) => target.write(clean(line), level) });
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
  return new JsonForm((line, level) => target.write(prettify(clean(line)), level));
}

/** Takes pino's JSON lines, and their levels as pino's numbers. */
class JsonForm {
  readonly [pino.symbols.needsMetadataGsym] = true;
  /** Set by pino before each line. */
  declare lastLevel: number;
  readonly #take: LineWriter['write'];

  constructor(take: LineWriter['write']) {
    this.#take = take;
  }

  write(line: string): void {
    this.#take(line, this.lastLevel);
  }
}

/** An error's own words only: what libraries hang on errors may hold requests, headers and tokens. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: messageOf(error) };
  return { type: error.name, message: messageOf(error), stack: error.stack };
}
