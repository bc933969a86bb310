import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A folder of bundles, moved from version to version as deploy tools do. */
export class BundlesRoot implements Disposable {
  readonly path: string;
  #links = 0;

  constructor() {
    this.path = realpathSync(mkdtempSync(path.join(tmpdir(), 'orb-worker-bundles-')));
  }

  /** Writes `NAME/versions/VERSION`, whose manifest says the same version, and returns that folder. */
  add(name: string, version: string, source: string, manifest: object = {}): string {
    const folder = this.folderOf(name, version);
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({ name, version, type: 'module', ...manifest }),
    );
    writeFileSync(path.join(folder, 'index.js'), source);
    return folder;
  }

  folderOf(name: string, version: string): string {
    return path.join(this.path, name, 'versions', version);
  }

  /** Moves the bundle's link to one of its versions, at one stroke. */
  point(name: string, version: string): void {
    this.link(name, path.join('versions', version));
  }

  /** Moves the bundle's link to wherever `target` leads from the bundle's folder. */
  link(name: string, target: string): void {
    const folder = path.join(this.path, name);
    const next = path.join(folder, `next-${this.#links++}`);
    mkdirSync(folder, { recursive: true });
    symlinkSync(target, next);
    renameSync(next, path.join(folder, 'current'));
  }

  /** Takes the link away. */
  unlink(name: string): void {
    rmSync(path.join(this.path, name, 'current'));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
