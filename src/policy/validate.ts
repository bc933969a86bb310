import type { BackendHost } from '../backend/host.ts';
import { BadRequestError, ValidationError } from '../errors.ts';
import { compileCron } from '../trigger/cron.ts';
import type { PolicyDraft, PolicyWarning, ValidatedPolicy } from './contract.ts';
import { InvalidYamlError } from './decode.ts';
import { fieldOf } from './field-of.ts';
import { findPlaces } from './locate.ts';
import { type OpenedDraft, openPackages } from './open-packages.ts';

interface ValidationParts {
  readonly host: BackendHost;
  /** Rejects with a `RequestError` for a document that is not as it should be. */
  readonly readDocument: (document: Buffer) => Promise<readonly PolicyDraft[]>;
  readonly isTaken: (name: string) => boolean;
  /** Epoch ms. */
  readonly now: number;
}

/**
 * What would come of applying a document, with nothing applied: its packages are opened, asked and let go.
 * Rejects as applying would, with places and reasons where upstream's words have none; a name that is taken is a warning.
 */
export async function validatePolicies(
  document: Buffer,
  { host, readDocument, isTaken, now }: ValidationParts,
): Promise<readonly ValidatedPolicy[]> {
  try {
    const opened = await openPackages(host, await readDocument(document));
    for (const { hold } of opened) hold.release();
    const taken = warnOfTaken(
      document,
      opened.map(({ draft }) => draft.name).filter((name) => isTaken(name)),
    );
    return opened.map((one) => validated(one, taken.get(one.draft.name), now));
  } catch (error) {
    if (error instanceof InvalidYamlError) throw new BadRequestError(error.explanation);
    throw error instanceof ValidationError ? withPlaces(error, document) : error;
  }
}

function withPlaces({ findings }: ValidationError, document: Buffer): ValidationError {
  const placeOf = findPlaces(
    document,
    findings.map(({ path }) => path),
  );
  return new ValidationError(findings, placeOf);
}

function warnOfTaken(document: Buffer, names: readonly string[]): ReadonlyMap<string, PolicyWarning> {
  if (names.length === 0) return new Map();
  const paths = new Map(names.map((name) => [name, ['policies', name]]));
  const placeOf = findPlaces(document, [...paths.values()]);
  return new Map(
    Array.from(paths, ([name, path]) => [
      name,
      {
        field: fieldOf(path),
        ...placeOf(path),
        message: 'a policy of this name is applied already: POST will be refused, PUT replaces it',
      },
    ]),
  );
}

function validated(
  { draft, hold: { lease } }: OpenedDraft,
  taken: PolicyWarning | undefined,
  now: number,
): ValidatedPolicy {
  const { name, schedule, settings, warnings } = draft;
  return {
    name,
    backend: { package: lease.package.name, version: lease.package.version },
    nextRunAt: schedule === undefined ? undefined : compileCron(schedule, settings.timezone).nextAfter(now),
    warnings: taken ? [taken, ...warnings] : warnings,
  };
}
