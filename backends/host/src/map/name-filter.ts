import type { Scope } from '../scope.ts';

/** Tells whether an interface of this name is wanted: included (no patterns: all are) and not excluded. */
export function nameFilter({ include, exclude }: Scope['interfaces']): (name: string) => boolean {
  const included = include.map(patternOf);
  const excluded = exclude.map(patternOf);
  return (name) =>
    (included.length === 0 || included.some((pattern) => pattern.test(name))) &&
    !excluded.some((pattern) => pattern.test(name));
}

/** `*` stands for any characters, `?` for one; all else for itself. */
function patternOf(pattern: string): RegExp {
  const source = pattern
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}
