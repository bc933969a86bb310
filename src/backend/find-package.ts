import { realpath, stat } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BackendError } from '../errors.ts';
import type { LocatedPackage } from './host.ts';
import { findEntry, type Manifest, readManifest } from './package-manifest.ts';

/** A package that was found, and the state of its files at that moment. */
export interface FoundPackage extends LocatedPackage {
  /** Another one means that the package was changed on disk. */
  readonly fingerprint: string;
}

/** Where packages are looked for. */
export interface PackageRoots {
  /** Each `--backends-dir`, first come, first served. */
  readonly backendsDirs: readonly string[];
  /** Its `node_modules` and those of the folders above it. */
  readonly workingDirectory: string;
}

/** The daemon's own package, seen from `src/backend` and from `dist/backend`. */
const daemonPackage = fileURLToPath(new URL('../../', import.meta.url));

/** npm's longest name. */
const LONGEST_NAME = 214;

/** `NAME` or `@SCOPE/NAME` without anything that a file system or URL could read otherwise. */
const packageName = /^(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*$/;

/** The text of every refusal: names the package, says why, holds no path. */
export function loadError(name: string, why: string, options?: ErrorOptions): BackendError {
  const shown = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return new BackendError(`Failed to load a backend from package '${shown}': ${why}`, options);
}

/**
 * Finds a backend package by its name: in each backends directory, in the `node_modules` of the working directory
 * and of the daemon, among the backends that are shipped with the daemon.
 * Rejects with a `BackendError` that says where it was looked for, or what is wrong with what was found.
 */
export async function findPackage(name: string, roots: PackageRoots): Promise<FoundPackage> {
  if (!packageName.test(name) || name.length > LONGEST_NAME) {
    throw loadError(name, 'this is not the name of a package');
  }
  if (isBuiltin(name)) throw loadError(name, 'this is a module of Node itself');
  for (const folder of foldersFor(name, roots)) {
    const manifest = await readManifest(folder, (why) => loadError(name, why));
    if (manifest !== undefined) return locate(name, folder, manifest);
  }
  throw loadError(name, `there is no such package in ${placesInWords(roots)}`);
}

function* foldersFor(name: string, roots: PackageRoots): Generator<string> {
  for (const dir of roots.backendsDirs) yield path.resolve(roots.workingDirectory, dir, name);
  yield* installedIn(name, roots.workingDirectory);
  yield* installedIn(name, daemonPackage);
  yield path.join(daemonPackage, 'backends', name);
}

/** The places where Node looks for an installed package from a folder on. */
function* installedIn(name: string, from: string): Generator<string> {
  for (let dir = path.resolve(from); ; dir = path.dirname(dir)) {
    if (path.basename(dir) !== 'node_modules') yield path.join(dir, 'node_modules', name);
    if (dir === path.dirname(dir)) return;
  }
}

async function locate(name: string, folder: string, manifest: Manifest): Promise<FoundPackage> {
  const directory = await realpath(folder);
  const entry = await findEntry(directory, manifest, (why) => loadError(name, why));
  return {
    name,
    version: manifest.version,
    directory,
    entryUrl: pathToFileURL(entry).href,
    fingerprint: await fingerprintOf(directory, path.join(directory, 'package.json'), entry),
  };
}

async function fingerprintOf(directory: string, ...files: readonly string[]): Promise<string> {
  const states = await Promise.all(files.map((file) => stat(file)));
  return [directory, ...states.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`)].join('\n');
}

function placesInWords({ backendsDirs }: PackageRoots): string {
  const given = backendsDirs.length === 0 ? '' : 'the backends directories, ';
  return `${given}node_modules of the working directory or of the daemon, or the shipped backends`;
}
