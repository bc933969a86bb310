import type { PolicyView, Provenance } from './contract.ts';
import { shownDocument } from './kept-document.ts';
import type { FoundPolicy } from './policy-store.ts';
import { hostTimezone } from './timezone.ts';

/** A policy of an earlier life whose package is not open yet, or cannot be. */
export class DormantPolicy {
  readonly kept: FoundPolicy;
  /** Why it does not run; undefined: it is about to. */
  failure: string | undefined;
  hasRun: boolean;

  constructor(kept: FoundPolicy) {
    this.kept = kept;
    this.hasRun = kept.hasRun;
  }

  get name(): string {
    return this.kept.name;
  }

  get number(): number {
    return this.kept.number;
  }

  get document(): string {
    return this.kept.document;
  }

  get provenance(): Provenance {
    return this.kept.provenance;
  }

  view(): PolicyView {
    const { config, scope, run } = shownDocument(this.kept.document);
    return {
      name: this.name,
      config,
      scope,
      run,
      timezone: textAt(run, 'timezone') ?? hostTimezone(),
      nextRunAt: undefined,
      warnings: [],
      backend: { package: textAt(config, 'package') ?? '', version: '' },
      failure: this.failure,
      setupFault: undefined,
      crashWait: undefined,
    };
  }
}

function textAt(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text: unknown = Reflect.get(value, key);
  return typeof text === 'string' ? text : undefined;
}
