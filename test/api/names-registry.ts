import type { LocatedPackage } from '../../src/backend/host.ts';
import { ConflictError, NotFoundError } from '../../src/errors.ts';
import type {
  PolicyRegistry,
  PolicyView,
  Provenance,
  Replacement,
  UnablePolicies,
  ValidatedPolicy,
} from '../../src/policy/contract.ts';
import type { Run } from '../../src/run/run.ts';
import { openedRun } from './runs.ts';

/** A registry that takes a JSON list of names for a document, and remembers what it was given. */
export class NamesRegistry implements PolicyRegistry {
  readonly views = new Map<string, PolicyView>();
  readonly applied: { document: Buffer; provenance: Provenance }[] = [];
  /** Stands in for `apply` where a test wants another outcome. */
  onApply: (document: Buffer) => Promise<readonly string[]> = async (document) => this.add(document);

  apply(document: Buffer, provenance: Provenance): Promise<readonly string[]> {
    this.applied.push({ document, provenance });
    return this.onApply(document);
  }

  add(document: Buffer): string[] {
    const names = JSON.parse(document.toString()) as string[];
    const taken = names.find((name) => this.views.has(name));
    if (taken !== undefined) throw new ConflictError(`policy '${taken}' already exists`);
    for (const name of names) this.views.set(name, viewOf(name));
    return names;
  }

  /** What it was asked to put in place of what; a body of `same` changes nothing. */
  readonly replacements: { name: string; document: string; cancelRuns: boolean }[] = [];

  async replace(
    name: string,
    body: Buffer,
    { cancelRuns }: { readonly cancelRuns: boolean },
  ): Promise<Replacement> {
    const document = body.toString();
    this.replacements.push({ name, document, cancelRuns });
    if (this.views.has(name)) return document === 'same' ? 'unchanged' : 'replaced';
    this.views.set(name, viewOf(name));
    return 'created';
  }

  async validate(document: Buffer): Promise<readonly ValidatedPolicy[]> {
    const names = JSON.parse(document.toString()) as string[];
    const backend = { package: 'pkg', version: '1.0.0' };
    return names.map((name) => ({ name, backend, nextRunAt: undefined, warnings: [] }));
  }

  /** Stands in for `submit`. */
  onSubmit: (name: string) => Readonly<Run> = (name) => openedRun(name, { trigger: 'submit' });

  submit(name: string): Readonly<Run> {
    if (!this.views.has(name)) throw new NotFoundError(`policy '${name}' not found`);
    return this.onSubmit(name);
  }

  async delete(name: string): Promise<void> {
    if (!this.views.delete(name)) throw new NotFoundError(`policy '${name}' not found`);
  }

  get(name: string): PolicyView | undefined {
    return this.views.get(name);
  }

  packageOf(name: string): LocatedPackage | undefined {
    const view = this.views.get(name);
    return view && { name: view.backend.package, version: view.backend.version, directory: '', entryUrl: '' };
  }

  failureOf(name: string): string | undefined {
    const view = this.views.get(name);
    return view?.failure ?? view?.setupFault?.reason;
  }

  unable(): UnablePolicies {
    return { count: 0, example: undefined };
  }

  names(): Iterable<string> {
    return this.views.keys();
  }

  get size(): number {
    return this.views.size;
  }

  loadedPackages(): readonly string[] {
    return [...new Set([...this.views.values()].map(({ backend }) => backend.package))];
  }

  async restore(): Promise<void> {}

  stop(): void {}

  async tearDown(): Promise<void> {}
}

/** A policy as the registry shows it. */
export function viewOf(name: string, changes: Partial<PolicyView> = {}): PolicyView {
  return {
    name,
    config: { package: 'pkg' },
    scope: {},
    run: {},
    timezone: 'UTC',
    nextRunAt: undefined,
    warnings: [],
    backend: { package: 'pkg', version: '1.0.0' },
    failure: undefined,
    crashWait: undefined,
    setupFault: undefined,
    ...changes,
  };
}
