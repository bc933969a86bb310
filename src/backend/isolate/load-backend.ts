import { registerHooks } from 'node:module';
import type { Backend } from '../contract.ts';
import { textOf } from './thrown.ts';

/** Makes `orb-worker` mean the running daemon's own door, wherever the package that imports it lies. */
export function openDoor(): void {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const door = new URL(`../../index.${ending}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, nextResolve) =>
      specifier === 'orb-worker' ? { url: door, shortCircuit: true } : nextResolve(specifier, context),
  });
}

/** Imports a package; rejects with whatever it throws, or with what its default export lacks. */
export async function loadBackend(entryUrl: string): Promise<Backend> {
  const module: unknown = await import(entryUrl);
  const exported = isObject(module) ? module.default : undefined;
  const backend = innerDefaultOf(exported);
  const fault = faultOf(backend);
  if (fault !== undefined) throw new Error(fault);
  return backend as Backend;
}

/** Whether policies live in the processes of this backend, not only their runs. */
export function isResident({ setup, teardown }: Backend): boolean {
  return setup !== undefined || teardown !== undefined;
}

/** CommonJS made from an ES module has its default export one level deeper. */
function innerDefaultOf(exported: unknown): unknown {
  return isObject(exported) && '__esModule' in exported ? exported.default : exported;
}

function faultOf(backend: unknown): string | undefined {
  if (backend === undefined) return 'it has no default export';
  if (!isObject(backend)) {
    return `its default export is a ${typeof backend}, expected an object with describe and run`;
  }
  for (const name of ['describe', 'run'] as const) {
    if (typeof backend[name] !== 'function') return `its default export has no function '${name}'`;
  }
  for (const name of ['setup', 'teardown'] as const) {
    if (backend[name] !== undefined && typeof backend[name] !== 'function') {
      return `its '${name}' is a ${typeof backend[name]}, expected a function`;
    }
  }
  for (const name of ['config', 'scope'] as const) {
    if (backend[name] !== undefined && !isStandardSchema(backend[name])) {
      return `its '${name}' is not a schema (Standard Schema, version 1)`;
    }
  }
  return undefined;
}

function isStandardSchema(value: unknown): boolean {
  const isObjectLike = isObject(value) || typeof value === 'function';
  if (!isObjectLike) return false;
  const standard = (value as Record<string, unknown>)['~standard'];
  return isObject(standard) && standard.version === 1 && typeof standard.validate === 'function';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What is said of a package whose import or shape is at fault. */
export function importFault(thrown: unknown, entryUrl: string): string {
  return isGone(thrown, entryUrl) ? 'its files are no longer there' : withoutPaths(textOf(thrown));
}

/** Deploy tools delete a version that policies may still have. */
function isGone(thrown: unknown, entryUrl: string): boolean {
  return isObject(thrown) && thrown.code === 'ERR_MODULE_NOT_FOUND' && thrown.url === entryUrl;
}

/** Replies carry no paths: of each, the last part stays. */
function withoutPaths(text: string): string {
  return text.replace(/(?:file:\/\/)?(?<![\w:/.])\/(?:[^\s/'"`]+\/)+([^\s/'"`]*)/g, '$1');
}
