import { hash } from 'node:crypto';
import { LATENCY_BOUNDS_MS, type LatencyHistogram } from '../histogram.ts';

/** Metrics of one name. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One line, without a backslash. */
  readonly help: string;
  /** Its lines, made while they are read; several may come as one text. */
  readonly samples: () => Iterable<string>;
}

/** A longer value is cut: a policy's name may have ten thousand characters, and stands in each line about it. */
const LONGEST_VALUE = 200;

const SPECIAL = /[\\"\n]/g;
const ESCAPES: Record<string, string> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** A family of one sample, left out while `value` gives undefined. */
export function single(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: () => number | undefined,
): Family {
  return family(type, name, help, function* () {
    const current = value();
    if (current !== undefined) yield sample(name, '', current);
  });
}

export function family(
  type: Family['type'],
  name: string,
  help: string,
  samples: () => Iterable<string>,
): Family {
  return { type, name, help, samples };
}

/** A family of one sample for each state, 1 for the current one; all are left out while there is none. */
export function states<State extends string>(
  name: string,
  help: string,
  all: readonly State[],
  current: () => State | undefined,
): Family {
  return family('gauge', name, help, function* () {
    const now = current();
    if (now === undefined) return;
    for (const state of all) yield sample(name, labels({ state }), state === now ? 1 : 0);
  });
}

export function header({ name, type, help }: Family): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** @param inBraces as {@link labels} makes them; may be empty. */
export function sample(name: string, inBraces: string, value: number): string {
  return inBraces === '' ? `${name} ${numeral(value)}\n` : `${name}{${inBraces}} ${numeral(value)}\n`;
}

/** The lines of one histogram. */
export function histogramSamples(name: string, inBraces: string, histogram: LatencyHistogram): string {
  let text = '';
  let upTo = 0;
  for (const [index, bound] of LATENCY_BOUNDS_MS.entries()) {
    upTo += histogram.counts[index] ?? 0;
    text += `${name}_bucket{${inBraces},le="${bound}"} ${upTo}\n`;
  }
  text += `${name}_bucket{${inBraces},le="+Inf"} ${histogram.count}\n`;
  return `${text}${name}_sum{${inBraces}} ${histogram.sum}\n${name}_count{${inBraces}} ${histogram.count}\n`;
}

export function labels(values: Readonly<Record<string, string | number>>): string {
  let text = '';
  for (const [name, value] of Object.entries(values)) {
    text += `${text === '' ? '' : ','}${name}="${labelValue(String(value))}"`;
  }
  return text;
}

function labelValue(value: string): string {
  const short = value.length <= LONGEST_VALUE ? value : cut(value);
  return short.replace(SPECIAL, (character) => ESCAPES[character] ?? '');
}

/** Two values that begin alike stay two. */
function cut(value: string): string {
  return `${value.slice(0, LONGEST_VALUE).toWellFormed()}...${hash('sha256', value).slice(0, 16)}`;
}

function numeral(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}
