import { lstat, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import type { PackageLink } from './host.ts';

/** A bundle, and the version that its link led to. */
export interface FoundBundle {
  /** Real path of the version's folder. */
  readonly directory: string;
  readonly link: PackageLink;
}

type Refuse = (why: string) => Error;

/** The name of each bundle's link. */
const LINK = 'current';

/** What is said of a link that cannot be followed. */
const whyNotFollowed: Readonly<Record<string, string>> = {
  ENOENT: 'leads nowhere',
  ENOTDIR: 'leads nowhere',
  ELOOP: 'leads back to itself',
};

/**
 * Finds `ROOT/NAME/current`, or undefined when there is no such bundle. A root that does not exist has no bundles.
 * In the folder's name `-` may stand for `_` and the other way round; the exact name comes first.
 * Throws what `refuse` makes when the root cannot be read, or the link leads nowhere or out of the root.
 */
export async function findBundle(
  name: string,
  root: string,
  refuse: Refuse,
): Promise<FoundBundle | undefined> {
  const realRoot = await realpath(root).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw refuse(`the bundles root cannot be read (${codeOf(error)})`);
  });
  if (realRoot === undefined) return undefined;
  for (const folder of new Set([name, name.replaceAll('_', '-'), name.replaceAll('-', '_')])) {
    const link = path.join(root, folder, LINK);
    if (await isThere(link, refuse)) return await follow(link, realRoot, refuse);
  }
  return undefined;
}

/** Says in the log why no bundle can be found in this root, if that is so. */
export async function warnOfRoot(root: string, log: Logger): Promise<void> {
  const fault = await faultOf(root);
  if (fault !== undefined)
    log.warn({ module: 'backend', root }, `No bundle can be found: their root ${fault}`);
}

/** Says in the log why no package can be found in a folder of packages, if that is so. */
export async function warnOfBackendsDir(directory: string, log: Logger): Promise<void> {
  const fault = await faultOf(directory);
  if (fault !== undefined)
    log.warn({ module: 'backend', directory }, `No package can be found in a --backends-dir: it ${fault}`);
}

async function faultOf(root: string): Promise<string | undefined> {
  try {
    return (await stat(root)).isDirectory() ? undefined : 'is no folder';
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'does not exist yet' : `cannot be read (${codeOf(error)})`;
  }
}

async function isThere(link: string, refuse: Refuse): Promise<boolean> {
  try {
    await lstat(link);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw refuse(`its bundle cannot be read (${code})`);
  }
}

async function follow(link: string, realRoot: string, refuse: Refuse): Promise<FoundBundle> {
  // Before the link is followed: one that moves meanwhile is then seen to have moved.
  const seen = await lookAt(link);
  const directory = await realpath(link).catch((error: unknown) => {
    const why = whyNotFollowed[codeOf(error)] ?? `cannot be followed (${codeOf(error)})`;
    throw refuse(`its bundle's link '${LINK}' ${why}`);
  });
  if (!isInside(directory, realRoot))
    throw refuse(`its bundle's link '${LINK}' leads out of the bundles root`);
  return { directory, link: { seen, look: () => lookAt(link) } };
}

/**
 * One `stat`, through every link on the way. The time of the last change of its inode tells apart what time stamps
 * and sizes do not: archives are unpacked with the times they were packed with, and numbers of inodes come again.
 */
async function lookAt(link: string): Promise<string> {
  try {
    const { dev, ino, ctimeNs } = await stat(path.join(link, 'package.json'), { bigint: true });
    return `${dev} ${ino} ${ctimeNs}`;
  } catch (error) {
    return codeOf(error);
  }
}

function isInside(directory: string, root: string): boolean {
  const relative = path.relative(root, directory);
  return relative !== '' && relative.split(path.sep)[0] !== '..';
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
