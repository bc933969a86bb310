import { quoteShort } from './describe.ts';

/** A name, the place in a list, or the key of a map. */
export type PathStep = string | number;

/** What is wrong with an entity that a backend yielded, and where in it. */
export class EntityError extends Error {
  override readonly name = 'EntityError';
  /** Which entity of its run, from 0. */
  readonly index: number;
  /** `device.tags[2].name`; `''` when it is the entity itself. */
  readonly path: string;
  readonly expected: string;
  /** Type and, where short, value. */
  readonly got: string;

  constructor(index: number, path: string, expected: string, got: string, options?: ErrorOptions) {
    const where = path === '' ? `entity ${index}` : `entity ${index}: ${path}`;
    super(`${where}: expected ${expected}, got ${got}`, options);
    this.index = index;
    this.path = path;
    this.expected = expected;
    this.got = got;
  }
}

/** Joins steps the way one would write them in code. */
export function formatPath(steps: readonly PathStep[]): string {
  return steps.map(formatStep).join('').replace(/^\./, '');
}

function formatStep(step: PathStep): string {
  if (typeof step === 'number') return `[${step}]`;
  return /^\w{1,60}$/.test(step) ? `.${step}` : `[${quoteShort(step)}]`;
}
