import { type Bindings, type Logger, pino } from 'pino';
import { messageOf } from '../errors.ts';
import { oneLine } from './one-line.ts';

/** A text destination: what `createLog` writes its finished lines to. */
export interface LineWriter {
  /** @param level as pino's number. */
  write(line: string, level: number): void;
}

/** What the lines of one logger have in common, made once for all of them. */
interface CommonFields {
  readonly module: string | undefined;
  /** ` key=value` for each binding. */
  readonly suffix: string;
}

/** Values that need no quotes: nothing in them ends a value or opens one. */
const PLAIN_VALUE = /^[^\s"'=\\\p{C}]+$/u;

/** pino's numbers. */
const LEVEL = { info: 30, warn: 40, error: 50, fatal: 60 };

/**
 * Writes each log line as `LEVEL: module: message key=value ...`, the form that the agent reads (sheet: Log).
 * Works from what the logger was given, not from pino's JSON, so that nothing is parsed again.
 */
export class TextForm {
  readonly [pino.symbols.needsMetadataGsym] = true;
  declare lastLevel: number;
  declare lastObj: object;
  declare lastMsg: string | undefined;
  declare lastLogger: Logger;
  readonly #commonFields = new WeakMap<Logger, CommonFields>();
  readonly #writer: LineWriter;

  constructor(writer: LineWriter) {
    this.#writer = writer;
  }

  /** Called by pino for each line, after it has set the `last...` fields; the JSON is not needed. */
  write(): void {
    const common = this.#commonOf(this.lastLogger);
    const own = fieldsOf(this.lastObj, this.lastLevel >= LEVEL.fatal);
    const module = own.module ?? common.module;
    const place = module === undefined ? '' : `${module}: `;
    const message = oneLine(this.lastMsg ?? '');
    const text = `${levelName(this.lastLevel)}: ${place}${message}${common.suffix}${own.suffix}\n`;
    this.#writer.write(text, this.lastLevel);
  }

  #commonOf(logger: Logger): CommonFields {
    let common = this.#commonFields.get(logger);
    if (common === undefined) {
      common = fieldsOf(logger.bindings(), false);
      this.#commonFields.set(logger, common);
    }
    return common;
  }
}

function levelName(level: number): string {
  if (level >= LEVEL.fatal) return 'CRITICAL';
  if (level >= LEVEL.error) return 'ERROR';
  if (level >= LEVEL.warn) return 'WARNING';
  return level >= LEVEL.info ? 'INFO' : 'DEBUG';
}

function fieldsOf(fields: Bindings, withStack: boolean): CommonFields {
  let module: string | undefined;
  let suffix = '';
  for (const [key, value] of Object.entries(fields)) {
    if (key === 'module') module = moduleName(value);
    else if (value instanceof Error) suffix += errorFields(key, value, withStack);
    else if (value !== undefined) suffix += ` ${key}=${valueText(value)}`;
  }
  return { module, suffix };
}

/** The agent cuts a line at its colons, and takes no module with blanks in it. */
function moduleName(value: unknown): string {
  return oneLine(String(value)).replaceAll(/[\s:]+/g, '_');
}

/** A stack is worth its length only where the daemon ends because of it. */
function errorFields(key: string, error: Error, withStack: boolean): string {
  const message = ` ${key}=${valueText(messageOf(error))}`;
  return withStack && error.stack !== undefined ? `${message} stack=${valueText(error.stack)}` : message;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return PLAIN_VALUE.test(value) ? value : oneLine(JSON.stringify(value));
  if (typeof value !== 'object' || value === null) return String(value);
  try {
    return oneLine(JSON.stringify(value));
  } catch {
    return '[unwritable]';
  }
}
