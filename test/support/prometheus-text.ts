/** A metric of Prometheus' text format. */
export interface ParsedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([^ ]+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const SUFFIXES: Record<string, readonly string[]> = { histogram: ['_bucket', '_sum', '_count'] };

/**
 * Reads text format 0.0.4 as strictly as it can be read: every family with HELP, TYPE and then its samples in one
 * piece, no series twice, nothing after a value, whole histograms. Throws with the line where anything is otherwise.
 */
export function parsePrometheus(text: string): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, { type: string; help: string; samples: ParsedSample[] }>();
  const lines = text.slice(0, -1).split('\n');
  const series = new Set<string>();
  let name = '';
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const help = /^# HELP ([^ ]+) ([^\\]+)$/.exec(line);
    if (help?.[1] !== undefined) {
      const [, named, words = ''] = help;
      const type = new RegExp(`^# TYPE ${named} (counter|gauge|histogram)$`).exec(lines[++at] ?? '')?.[1];
      if (!NAME.test(named) || type === undefined || families.has(named)) throw new Error(`family: ${line}`);
      if (type === 'counter' && !named.endsWith('_total'))
        throw new Error(`a counter without _total: ${line}`);
      name = named;
      families.set(name, { type, help: words, samples: [] });
      continue;
    }
    const sample = parseSample(line);
    const family = families.get(name);
    const names = (SUFFIXES[family?.type ?? ''] ?? ['']).map((suffix) => name + suffix);
    if (family === undefined || !names.includes(sample.name)) throw new Error(`out of its family: ${line}`);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
    if (series.has(key)) throw new Error(`twice: ${line}`);
    series.add(key);
    family.samples.push(sample);
  }
  for (const [named, family] of families)
    if (family.type === 'histogram') checkHistogram(named, family.samples);
  return families;
}

function parseSample(line: string): ParsedSample {
  const [, name = '', inBraces, number = ''] = SAMPLE.exec(line) ?? [];
  if (name === '' || !NUMBER.test(number)) throw new Error(`no sample: ${line}`);
  return {
    name,
    labels: inBraces === undefined ? {} : parseLabels(inBraces),
    value: Number(number.replace('Inf', 'Infinity')),
  };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const [, name = '', value = '', end] = LABEL.exec(text) ?? [];
    if (name === '' || name in labels) throw new Error(`labels: ${text}`);
    labels[name] = value.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
    if (end === '') break;
  }
  return labels;
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map((bucket) => Number(bucket.labels.le?.replace('Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => value);
    const part = (suffix: string): number | undefined =>
      group.find((sample) => sample.name === name + suffix)?.value;
    const isWhole =
      isRising(bounds) &&
      isRising(counts) &&
      bounds.at(-1) === Number.POSITIVE_INFINITY &&
      counts.at(-1) === part('_count') &&
      part('_sum') !== undefined &&
      group.length === buckets.length + 2;
    if (!isWhole) throw new Error(`histogram ${name} ${labels}`);
  }
}

function isRising(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] ?? 0));
}
