import { type FoundPackage, findPackage, type PackageRoots } from './find-package.ts';
import { Sights } from './sights.ts';

interface Known {
  readonly found: FoundPackage;
  readonly sights: Sights;
}

/** A package that was found once is found again by one look at the files on the way to it, if they are as they were. */
export class KnownPackages {
  readonly #roots: PackageRoots;
  readonly #known = new Map<string, Known>();

  constructor(roots: PackageRoots) {
    this.#roots = roots;
  }

  /** As {@link findPackage}. */
  async find(name: string): Promise<FoundPackage> {
    const known = this.#known.get(name);
    if (known && (await known.sights.areSame())) return known.found;
    const sights = new Sights();
    const found = await findPackage(name, this.#roots, sights);
    // Bundles come and go by their links, which every search follows anew.
    if (this.#roots.bundlesRoot === undefined) this.#known.set(name, { found, sights });
    return found;
  }
}
