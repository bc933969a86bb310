import { realpath } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BackendError } from '../errors.ts';
import { findBundle } from './bundles.ts';
import type { LocatedPackage, PackageLink } from './host.ts';
import { findEntry, type Manifest, readManifest } from './package-manifest.ts';
import { Sights, stateOf } from './sights.ts';

/** A package that was found, and the state of its files at that moment. */
export interface FoundPackage extends LocatedPackage {
  /** Another one means that the package was changed on disk. */
  readonly fingerprint: string;
  /** undefined outside of bundles. */
  readonly link: PackageLink | undefined;
}

/** Where packages are looked for. */
export interface PackageRoots {
  /** `--bundles-root`: it comes before all others. */
  readonly bundlesRoot: string | undefined;
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
 * Finds a backend package by its name: among the bundles, in each backends directory, in the `node_modules` of the
 * working directory and of the daemon, among the backends that are shipped with the daemon.
 * Rejects with a `BackendError` that says where it was looked for, or what is wrong with what was found.
 *
 * @param sights gets what was looked at outside of the bundles.
 */
export async function findPackage(
  name: string,
  roots: PackageRoots,
  sights = new Sights(),
): Promise<FoundPackage> {
  if (!packageName.test(name) || name.length > LONGEST_NAME) {
    throw loadError(name, 'this is not the name of a package');
  }
  if (isBuiltin(name)) throw loadError(name, 'this is a module of Node itself');
  try {
    const found = (await findInBundles(name, roots)) ?? (await findElsewhere(name, roots, sights));
    if (found !== undefined) return found;
  } catch (error) {
    if (error instanceof BackendError) throw error;
    throw loadError(name, 'its files were changed while they were read', { cause: error });
  }
  throw loadError(name, `there is no such package in ${placesInWords(roots)}`);
}

async function findInBundles(name: string, roots: PackageRoots): Promise<FoundPackage | undefined> {
  if (roots.bundlesRoot === undefined) return undefined;
  const refuse = (why: string): BackendError => loadError(name, why);
  const bundle = await findBundle(name, path.resolve(roots.workingDirectory, roots.bundlesRoot), refuse);
  if (bundle === undefined) return undefined;
  const manifest = await readManifest(bundle.directory, refuse);
  if (manifest === undefined) throw refuse('its bundle has no package.json');
  return locate(name, bundle.directory, manifest, new Sights(), bundle.link);
}

async function findElsewhere(
  name: string,
  roots: PackageRoots,
  sights: Sights,
): Promise<FoundPackage | undefined> {
  for (const folder of foldersFor(name, roots)) {
    await sights.note(path.join(folder, 'package.json'));
    const manifest = await readManifest(folder, (why) => loadError(name, why));
    if (manifest !== undefined) {
      await sights.note(folder, realpath);
      return locate(name, await realpath(folder), manifest, sights);
    }
  }
  return undefined;
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

async function locate(
  name: string,
  directory: string,
  manifest: Manifest,
  sights: Sights,
  link?: PackageLink,
): Promise<FoundPackage> {
  const entry = await findEntry(directory, manifest, sights, (why) => loadError(name, why));
  return {
    name,
    version: manifest.version,
    directory,
    entryUrl: pathToFileURL(entry).href,
    fingerprint: await fingerprintOf(name, directory, path.join(directory, 'package.json'), entry),
    link,
  };
}

/** Two names may lead to one folder: each has its own. */
async function fingerprintOf(name: string, directory: string, ...files: readonly string[]): Promise<string> {
  return [name, directory, ...(await Promise.all(files.map(stateOf)))].join('\n');
}

function placesInWords({ bundlesRoot, backendsDirs }: PackageRoots): string {
  const bundles = bundlesRoot === undefined ? '' : 'the bundles root, ';
  const given = backendsDirs.length === 0 ? '' : 'the backends directories, ';
  return `${bundles}${given}node_modules of the working directory or of the daemon, or the shipped backends`;
}
