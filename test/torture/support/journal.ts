import { existsSync, readFileSync } from 'node:fs';

type Line =
  | {
      readonly kind: 'run';
      readonly key: string;
      readonly version: number;
      readonly names: readonly string[];
    }
  | { readonly kind: 'offered'; readonly key: string; readonly names: readonly string[] }
  | { readonly kind: 'ingested'; readonly key: string };

/** What backends wrote down outside of the daemon. */
export interface Journal {
  /** Versions of policies by the ids of the runs that were begun. */
  readonly versions: ReadonlyMap<string, number>;
  /** What a run was to yield, by its id. */
  readonly yielded: ReadonlyMap<string, readonly string[]>;
  /** What was given to `ingest`, by call. */
  readonly offered: ReadonlyMap<string, readonly string[]>;
  /** Calls of `ingest` that have resolved. */
  readonly ingested: readonly string[];
}

export function readJournal(file: string): Journal {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const lines = text
    .split('\n')
    .filter(isWhole)
    .map((line): Line => JSON.parse(line));
  const runs = lines.filter((line) => line.kind === 'run');
  const offered = lines.filter((line) => line.kind === 'offered');
  const ingested = lines.filter((line) => line.kind === 'ingested');
  return {
    versions: new Map(runs.map(({ key, version }) => [key, version])),
    yielded: new Map(runs.map(({ key, names }) => [key, names])),
    offered: new Map(offered.map(({ key, names }) => [key, names])),
    ingested: ingested.map(({ key }) => key),
  };
}

/** The last line of a process that was killed may be half a line. */
function isWhole(line: string): boolean {
  return line.endsWith('}');
}
