import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface LockedPackage {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock: { packages: Record<string, LockedPackage> } = JSON.parse(
  readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
);
const locked = Object.entries(lock.packages);

test('packages of all platforms are locked: npm ci installs on any', () => {
  const optional = locked.flatMap(([folder, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).map((name) => ({ folder, name })),
  );
  expect(optional.length).toBeGreaterThan(50);
  const missing = optional.filter(
    ({ folder, name }) =>
      !lock.packages[`${folder}/node_modules/${name}`] && !lock.packages[`node_modules/${name}`],
  );
  expect(missing).toEqual([]);
});

test('no package is bound to a registry', () => {
  const bound = locked.filter(([, { resolved }]) => resolved?.includes('://'));
  expect(bound).toEqual([]);
});
