import { isBuiltin } from 'node:module';
import { BackendError } from '../errors.ts';

const MAX_LENGTH = 214;
/** What npm lets packages be called; capitals are in use in old ones. */
const PART = /^[a-z0-9~-][\w.~-]*$/i;
/** What npm would not let a package be called. */
const RESERVED: ReadonlySet<string> = new Set(['node_modules', 'favicon.ico']);

/**
 * A policy names an npm package and nothing else: no path, no URL, no module of Node, no file inside a package
 * (design: trust).
 *
 * @param name without line breaks.
 * @throws BackendError that names it and says why.
 */
export function checkPackageName(name: string): void {
  const fault = faultIn(name);
  if (fault === undefined) return;
  throw new BackendError(`Failed to load a backend from package '${shorten(name)}': ${fault}`);
}

function faultIn(name: string): string | undefined {
  if (name === '') return 'the name is empty';
  if (/^\$\{[^${}]+\}$/.test(name)) return `the environment variable ${name.slice(2, -1)} is not set`;
  if (/^[./~]|\\/.test(name)) return 'it must be the name of an npm package, not a path';
  if (isBuiltin(name)) return 'it is a module of Node, not an npm package';
  if (name.includes(':')) return 'it must be the name of an npm package, not a URL';
  if (name.length > MAX_LENGTH)
    return `it is longer than the ${MAX_LENGTH} characters of an npm package's name`;
  const parts = name.split('/');
  const isScoped = name.startsWith('@');
  if (parts.length > (isScoped ? 2 : 1)) return 'it must be the name of an npm package, not of a file in one';
  const [scope = '', ...rest] = parts;
  const isName = isScoped
    ? rest.length === 1 && PART.test(scope.slice(1)) && rest.every(isPart)
    : isPart(scope);
  return isName ? undefined : 'it is no name of an npm package';
}

const isPart = (part: string): boolean => PART.test(part) && !RESERVED.has(part.toLowerCase());

const shorten = (name: string): string =>
  name.length > MAX_LENGTH ? `${name.slice(0, MAX_LENGTH)}...` : name;
