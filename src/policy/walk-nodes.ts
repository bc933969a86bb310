import { EVENT_ID, type Event, getScalarValue, SCALAR_STYLE } from 'js-yaml';
import type { YamlDocument } from './parse-yaml.ts';

type NodeEvent = Exclude<Event, { type: typeof EVENT_ID.DOCUMENT | typeof EVENT_ID.POP }>;

/** A map or list that is open, and where in it the walk stands. */
interface Frame {
  readonly isMap: boolean;
  /** Of the map or list itself: unique in the document. */
  readonly id: string;
  segment: string | number;
  isAtKey: boolean;
}

/** A key, value or item of a document, in its order. */
export interface YamlNode {
  readonly event: NodeEvent;
  /** Where it starts in the source. */
  readonly offset: number;
  readonly isKey: boolean;
  /** The map or list that it lies in, by `idOf` its path. */
  readonly containerId: string;
  /** Its key or index there; a value has its key's. */
  readonly segment: string | number;
  /** Keys and indexes down to it, a key's own included. */
  path(): readonly (string | number)[];
}

/** One text for a path. */
export const idOf = (path: readonly (string | number)[]): string => path.map((part) => `\0${part}`).join('');

/** Visits every node below the document's root until `visit` returns false. Aliases are not followed. */
export function walkNodes(document: YamlDocument, visit: (node: YamlNode) => boolean): void {
  const frames: Frame[] = [];
  for (const event of document.events) {
    if (event.type === EVENT_ID.DOCUMENT) continue;
    if (event.type === EVENT_ID.POP) {
      frames.pop();
      advance(frames.at(-1));
      continue;
    }
    const frame = frames.at(-1);
    if (frame && !visit(stepTo(event, document, frame, frames))) return;
    const isMap = event.type === EVENT_ID.MAPPING;
    if (isMap || event.type === EVENT_ID.SEQUENCE) {
      const id = frame ? `${frame.id}\0${frame.segment}` : idOf(document.base);
      frames.push({ isMap, id, segment: isMap ? '' : -1, isAtKey: isMap });
    } else advance(frame);
  }
}

function stepTo(
  event: NodeEvent,
  { source, base }: YamlDocument,
  frame: Frame,
  frames: readonly Frame[],
): YamlNode {
  if (frame.isAtKey) frame.segment = keyOf(event, source);
  else if (typeof frame.segment === 'number') frame.segment++;
  return {
    event,
    offset: offsetOf(event),
    isKey: frame.isAtKey,
    containerId: frame.id,
    segment: frame.segment,
    path: () => [...base, ...frames.map(({ segment }) => segment)],
  };
}

/** From a key to its value, from a value to the next key. */
function advance(frame: Frame | undefined): void {
  if (frame?.isMap) frame.isAtKey = !frame.isAtKey;
}

function keyOf(event: NodeEvent, source: string): string {
  if (event.type === EVENT_ID.SCALAR) return getScalarValue(source, event);
  if (event.type === EVENT_ID.ALIAS) return `*${source.slice(event.anchorStart, event.anchorEnd)}`;
  return '';
}

function offsetOf(event: NodeEvent): number {
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart - 1;
  if (event.type !== EVENT_ID.SCALAR) return event.start;
  const isQuoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  return isQuoted ? event.valueStart - 1 : event.valueStart;
}
