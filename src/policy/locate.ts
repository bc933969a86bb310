import type { Place } from '../errors.ts';
import { decodeDocument } from './decode.ts';
import type { Path } from './expand.ts';
import { PADDING } from './parse-events.ts';
import { parseYaml, type YamlDocument } from './parse-yaml.ts';
import { idOf, walkNodes } from './walk-nodes.ts';

/** Finds where values are written: an entry's key, a list's item; of what an alias stands for, the alias. */
export interface Locator {
  offsetOf(path: Path): number | undefined;
}

/** @param paths all that will be asked for: one walk finds them together. */
export function createLocator(document: YamlDocument, paths: Iterable<Path>): Locator {
  const offsets = new Map<string, number | undefined>();
  for (const path of paths) {
    for (let length = 1; length <= path.length; length++) offsets.set(idOf(path.slice(0, length)), undefined);
  }
  if (offsets.size > 0) {
    walkNodes(document, (node) => {
      const { offset, isKey, containerId } = node;
      const segment = node.segment;
      const id = `${containerId}\0${segment}`;
      if ((isKey || typeof segment === 'number') && offsets.has(id)) offsets.set(id, offset);
      return true;
    });
  }
  return {
    offsetOf(path) {
      for (let length = path.length; length > 0; length--) {
        const offset = offsets.get(idOf(path.slice(0, length)));
        if (offset !== undefined) return offset;
      }
      return undefined;
    },
  };
}

/**
 * Finds where in a document paths lead: to what is written there, else to the innermost of what it would lie in.
 *
 * @throws BadRequestError for what is no YAML.
 */
export function findPlaces(document: Buffer, paths: readonly Path[]): (path: Path) => Place {
  const yaml = parseYaml(decodeDocument(document));
  const locator = createLocator(yaml, paths);
  const placeOf = createPlaceFinder(yaml);
  return (path) => placeOf(locator.offsetOf(path) ?? 0);
}

/** Turns offsets into places; reads the text once. */
export function createPlaceFinder({ source, paddedLines }: YamlDocument): (offset: number) => Place {
  const lineStarts = [0];
  for (const { index, 0: lineBreak } of source.matchAll(/\r\n?|\n/g))
    lineStarts.push(index + lineBreak.length);
  return (offset) => {
    const line = lastAtMost(lineStarts, offset);
    const padding = paddedLines.has(line) ? PADDING : 0;
    return { line: line + 1, column: offset - (lineStarts[line] ?? 0) - padding + 1 };
  };
}

/** The index of the last of the ascending numbers that is not greater. */
function lastAtMost(ascending: readonly number[], number: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ascending[middle] ?? 0) <= number) low = middle;
    else high = middle - 1;
  }
  return low;
}
