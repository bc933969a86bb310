import { MARK_VARIABLE, processesMarked } from '../stragglers.ts';

/*
 * Runs of one child share its process. What one of them changes there, or leaves at work there when it is over, is
 * found out, so that those that come later get another child.
 */

/** Taken before any package was imported: one that tampers with them does not tamper with these. */
const { get, ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const { cwd, umask, getActiveResourcesInfo } = process;
const { stringify } = JSON;
const mark = process.env[MARK_VARIABLE];

const watched: ReadonlyMap<string, object> = new Map<string, object>([
  ...[Object, Array, Function, Promise, Map, Set, String, Number, RegExp, Date, Error, Uint8Array].map(
    (builtIn): [string, object] => [`${builtIn.name}.prototype`, builtIn.prototype],
  ),
  ['Object', Object],
  ['Array', Array],
  ['Promise', Promise],
  ['Date', Date],
  ['Symbol', Symbol],
  ['Buffer', Buffer],
  ['JSON', JSON],
  ['Math', Math],
  ['Reflect', Reflect],
  ['performance', performance],
  ['Generator.prototype', sharedBy(function* () {})],
  ['AsyncGenerator.prototype', sharedBy(async function* () {})],
]);

/** Names that all code uses: others come and go, and some are replaced when they are first used. */
const globals = [
  'Array BigInt Boolean Buffer Date Error Function JSON Map Math Number Object Promise Proxy Reflect RegExp Set String',
  'Symbol TypeError Uint8Array URL WeakMap clearImmediate clearInterval clearTimeout performance process',
  'queueMicrotask setImmediate setInterval setTimeout structuredClone',
].flatMap((names) => names.split(' '));

/** Some are behind getters, which stay when another value is set. */
interface Global {
  readonly name: string;
  readonly property: unknown;
  readonly value: unknown;
}

type Properties = ReadonlyMap<PropertyKey, unknown>;

/** The state of the process when its package had been imported: changes of that time are the package's own affair. */
export class Traces {
  readonly #properties = new Map(Array.from(watched, ([name, object]) => [name, propertiesOf(object)]));
  readonly #globals = globals.map(globalOf);
  readonly #environment = environmentText();
  readonly #directory = directoryOrNothing();
  readonly #umask = umask();
  readonly #resources = countOf(getActiveResourcesInfo());

  /** What differs now, in words; undefined for nothing. Calls nothing that may have been changed. */
  changed(): string | undefined {
    let names = '';
    for (const [name, object] of watched) {
      if (!isSame(this.#properties.get(name), object)) names += `, ${name}`;
    }
    for (const known of this.#globals) if (!isSameGlobal(known)) names += `, ${known.name}`;
    if (environmentText() !== this.#environment) names += ', the environment';
    if (directoryOrNothing() !== this.#directory) names += ', the working directory';
    if (umask() !== this.#umask) names += ', the umask';
    return names === '' ? undefined : `changed${names.slice(1)}`;
  }

  /** What keeps the process at work although no run does, in words; undefined for nothing. */
  async left(): Promise<string | undefined> {
    let names = '';
    for (const [name, count] of countOf(getActiveResourcesInfo())) {
      if (count > (this.#resources.get(name) ?? 0)) names += `, ${name}`;
    }
    const processes = mark === undefined ? [] : await processesMarked(mark);
    if (processes.length > 0) names += ', processes';
    return names === '' ? undefined : `left at work:${names.slice(1)}`;
  }
}

/** What all that such functions return inherit from. */
function sharedBy(generator: { readonly prototype: object }): object {
  return getPrototypeOf(generator.prototype) ?? Object.prototype;
}

function propertiesOf(object: object): Properties {
  return new Map(ownKeys(object).map((key) => [key, propertyOf(object, key)]));
}

function propertyOf(object: object, key: PropertyKey): unknown {
  const property = getOwnPropertyDescriptor(object, key);
  return property?.get ?? property?.value;
}

function globalOf(name: string): Global {
  return { name, property: propertyOf(globalThis, name), value: get(globalThis, name) };
}

/** Calls no getter but the one that was there before. */
function isSameGlobal({ name, property, value }: Global): boolean {
  return propertyOf(globalThis, name) === property && get(globalThis, name) === value;
}

function isSame(before: Properties | undefined, object: object): boolean {
  const keys = ownKeys(object);
  if (before?.size !== keys.length) return false;
  for (const key of keys) if (before.get(key) !== propertyOf(object, key)) return false;
  return true;
}

function environmentText(): string {
  return stringify(process.env);
}

/** A directory that was removed has no name any more. */
function directoryOrNothing(): string | undefined {
  try {
    return cwd();
  } catch {
    return undefined;
  }
}

function countOf(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
