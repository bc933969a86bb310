import { readdir } from 'node:fs/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { mostOpenFiles } from '../../open-files.ts';
import { memorySizes } from './proc.ts';
import { type Family, family, labels, sample, single } from './text.ts';

/** How often the event loop is looked at, in ms. */
const RESOLUTION_MS = 10;
const MICROSECONDS = 1e6;
const NANOSECONDS = 1e9;

/** Figures of the process and of Node under the names that users of other Node programs know. */
export class ProcessFigures {
  /** Looks from the first scrape on, so that it costs nothing where nobody scrapes. */
  readonly #delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delays.enable();
  }

  async families(): Promise<readonly Family[]> {
    return [
      ...(await processFamilies()),
      ...(await this.#eventLoopFamilies()),
      ...memoryFamilies(),
      ...resourceFamilies(),
      versionFamily(),
    ];
  }

  /** Each tells of the time since the scrape before. */
  async #eventLoopFamilies(): Promise<readonly Family[]> {
    const askedAt = performance.now();
    await nextTurn();
    const lagSeconds = (performance.now() - askedAt) / 1_000;
    const { count, min, max, mean, stddev } = this.#delays;
    const quantiles = [50, 90, 99].map((percent) => [percent, this.#delays.percentile(percent)] as const);
    this.#delays.reset();
    const delay = (name: string, help: string, nanoseconds: number): Family =>
      single('gauge', `nodejs_eventloop_lag_${name}_seconds`, help, () =>
        count === 0 ? undefined : nanoseconds / NANOSECONDS,
      );
    return [
      single('gauge', 'nodejs_eventloop_lag_seconds', 'Delay of the event loop now', () => lagSeconds),
      delay('min', 'Least delay of the event loop since the last scrape', min),
      delay('max', 'Longest delay of the event loop since the last scrape', max),
      delay('mean', 'Mean delay of the event loop since the last scrape', mean),
      delay('stddev', 'Standard deviation of the delay of the event loop since the last scrape', stddev),
      ...quantiles.map(([percent, value]) =>
        delay(`p${percent}`, `Delay of the event loop since the last scrape, quantile 0.${percent}`, value),
      ),
    ];
  }
}

async function processFamilies(): Promise<readonly Family[]> {
  const { user, system } = process.cpuUsage();
  const sizeOf = await memorySizes('self');
  const openFiles = await readdir('/proc/self/fd').catch(() => undefined);
  const counter = (name: string, help: string, value: number): Family =>
    single('counter', name, help, () => value);
  const gauge = (name: string, help: string, value: number | undefined): Family =>
    single('gauge', name, help, () => value);
  return [
    counter('process_cpu_user_seconds_total', 'Processor time in user mode', user / MICROSECONDS),
    counter('process_cpu_system_seconds_total', 'Processor time in system mode', system / MICROSECONDS),
    counter('process_cpu_seconds_total', 'Processor time', (user + system) / MICROSECONDS),
    gauge('process_start_time_seconds', 'Start of the process, since 1970', startSeconds()),
    gauge('process_resident_memory_bytes', 'Resident memory', process.memoryUsage.rss()),
    gauge('process_virtual_memory_bytes', 'Virtual memory', sizeOf('VmSize')),
    gauge('process_heap_bytes', 'Data segment', sizeOf('VmData')),
    gauge('process_open_fds', 'Open file descriptors', openFiles?.length),
    gauge('process_max_fds', 'Most file descriptors that may be open', mostOpenFiles()),
  ];
}

function startSeconds(): number {
  return Math.round(performance.timeOrigin) / 1_000;
}

function memoryFamilies(): readonly Family[] {
  const { heapTotal, heapUsed, external } = process.memoryUsage();
  const spaces = getHeapSpaceStatistics();
  const ofSpaces = (what: string, key: 'space_size' | 'space_used_size' | 'space_available_size'): Family => {
    const name = `nodejs_heap_space_size_${what}_bytes`;
    return family('gauge', name, `Bytes of each space of the heap: ${what}`, function* () {
      for (const one of spaces) {
        yield sample(name, labels({ space: one.space_name.replace(/_space$/, '') }), one[key]);
      }
    });
  };
  return [
    single('gauge', 'nodejs_heap_size_total_bytes', 'Size of the heap', () => heapTotal),
    single('gauge', 'nodejs_heap_size_used_bytes', 'Used part of the heap', () => heapUsed),
    single(
      'gauge',
      'nodejs_external_memory_bytes',
      'Memory outside the heap that it refers to',
      () => external,
    ),
    ofSpaces('total', 'space_size'),
    ofSpaces('used', 'space_used_size'),
    ofSpaces('available', 'space_available_size'),
  ];
}

function resourceFamilies(): readonly Family[] {
  const resources = process.getActiveResourcesInfo();
  const counts = Map.groupBy(resources, (type) => type);
  const name = 'nodejs_active_resources';
  return [
    family('gauge', name, 'What keeps the event loop alive, by type', function* () {
      for (const [type, all] of counts) yield sample(name, labels({ type }), all.length);
    }),
    single('gauge', `${name}_total`, 'What keeps the event loop alive', () => resources.length),
  ];
}

function versionFamily(): Family {
  const name = 'nodejs_version_info';
  const [major = '', minor = '', patch = ''] = process.versions.node.split('.');
  return family('gauge', name, 'The version of Node', () => [
    sample(name, labels({ version: process.version, major, minor, patch }), 1),
  ]);
}
