import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { BackendHost } from '../../src/backend/host.ts';
import type { Run } from '../../src/run/run.ts';
import { openWarmHost } from '../run/support.ts';
import { BundlesRoot } from '../support/bundles-root.ts';
import { Policies, type Written } from './policies.ts';

export const bundles = new BundlesRoot();
export let warm: BackendHost;
export let policies: Policies;
/** The bundle that a test is about. */
export let bundle: string;

/** A bundle of its own for each test of a file, and policies that run it. */
export function setUpBundles(): void {
  let bundleCount = 0;
  beforeAll(async () => {
    warm = await openWarmHost(bundles.path);
  });
  afterAll(async () => {
    await warm.stop();
    bundles[Symbol.dispose]();
  });
  beforeEach(() => {
    bundle = `bundle${++bundleCount}`;
    policies = new Policies({ host: warm });
  });
  afterEach(async () => {
    await policies[Symbol.asyncDispose]();
    await expect.poll(loadedPids, POLL).toEqual([]);
  });
}

/** For a test that is about a bundle of this name. */
export function nameBundle(name: string): void {
  bundle = name;
}

/** For a test that wants its policies otherwise. */
export function usePolicies(settings: ConstructorParameters<typeof Policies>[0]): void {
  policies = new Policies({ host: warm, ...settings });
}

/** On a busy machine a process takes its time. */
export const POLL = { interval: 5, timeout: 10_000 };

/** Fires at no time of the tests. */
export const rarely = (): Written => ({ package: bundle, schedule: '0 0 1 1 *', run: { overlap: 'allow' } });

/** A backend that notes its imports and descriptions, and does what `config.steps` says. */
export function backend(before = '', members = ''): string {
  return `import { appendFileSync, existsSync } from 'node:fs';
    import { setTimeout as pause } from 'node:timers/promises';
    const note = (what) => appendFileSync(${JSON.stringify(notes())}, what + ' ' + import.meta.url + '\\n');
    note('imported');
    ${before}
    export default {
      describe() { note('described'); return { name: 'made', app_name: 'app', app_version: '1' }; },
      async *run({ config }) {
        for (const [step, argument] of config.steps ?? []) {
          if (step === 'until file') while (!existsSync(argument)) await pause(5);
        }
        yield { site: { name: String(process.pid) } };
      },
      ${members}
    };`;
}

export function deploy(version: string, source = backend()): void {
  bundles.add(bundle, version, source);
  bundles.point(bundle, version);
}

const notes = (): string => path.join(bundles.path, bundle, 'notes');

/** How often a version was imported, or asked to describe itself. */
export function countOf(what: 'imported' | 'described', version: string): number {
  const lines = readFileSync(notes(), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(what) && line.includes(`/versions/${version}/`)).length;
}

export const versionOf = (name: string): string | undefined => policies.registry.get(name)?.backend.version;
export const warningsOf = (name: string): string[] =>
  (policies.registry.get(name)?.warnings ?? []).map(({ field, message }) => `${field}: ${message}`);
export const logged = (text: RegExp): string[] => policies.messages.filter((message) => text.test(message));

export async function run(name: string): Promise<Readonly<Run>> {
  return await policies.finished(policies.registry.submit(name));
}

/** A run that is at work until the gate is opened. */
export async function runUntilOpened(name: string): Promise<{ open: () => Promise<Readonly<Run>> }> {
  const gate = policies.gate();
  const steps = [['until file', gate.path]];
  await policies.replace(name, { ...rarely(), steps });
  const run = policies.registry.submit(name);
  await policies.reaches(run, 'running');
  return {
    open: () => {
      gate.open();
      return policies.finished(run);
    },
  };
}

export const loadedPids = (): number[] =>
  warm.children().flatMap((child) => (child.package === bundle ? [child.pid] : []));
