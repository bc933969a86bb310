import type { BackendHost, BackendLease, SchemaFinding } from '../backend/host.ts';
import { BackendError, ValidationError, type ValidationFinding } from '../errors.ts';
import { redactorOf } from '../redact.ts';
import type { PolicyDraft } from './contract.ts';
import { fieldOf } from './field-of.ts';
import { PackageHold } from './package-hold.ts';

/** A draft whose package is open and whose config and scope its backend agrees to. */
export interface OpenedDraft {
  readonly draft: PolicyDraft;
  /** To be released once for this draft. */
  readonly hold: PackageHold;
}

/** Packages are opened side by side, but a document of hundreds starts no more children at once than this. */
const OPENED_AT_ONCE = 4;

/**
 * Opens each package that the drafts name, once, and checks every draft with its backend's own schemas.
 * Rejects, with every lease closed again, with the `BackendError` of the first policy that cannot have its package
 * (sheet: REST, step 4), or with a `ValidationError` of all findings. Both in document order.
 */
export async function openPackages(
  host: BackendHost,
  drafts: readonly PolicyDraft[],
): Promise<readonly OpenedDraft[]> {
  const draftsOf = Map.groupBy(drafts, (draft) => draft.packageName);
  const leases = new Map<string, BackendLease>();
  try {
    await openAll(host, draftsOf, leases);
    await checkAll(drafts, draftsOf, leases);
  } catch (error) {
    for (const lease of leases.values()) lease.close();
    throw error;
  }
  const holds = new Map<string, PackageHold>();
  for (const [packageName, lease] of leases) {
    holds.set(packageName, new PackageHold(lease, draftsOf.get(packageName)?.length ?? 0));
  }
  return drafts.flatMap((draft) => {
    const hold = holds.get(draft.packageName);
    return hold ? [{ draft, hold }] : [];
  });
}

type DraftsOf = ReadonlyMap<string, readonly PolicyDraft[]>;

/** Fills `leases`; after a failure waits for those that are being opened, and starts none that come later. */
async function openAll(
  host: BackendHost,
  draftsOf: DraftsOf,
  leases: Map<string, BackendLease>,
): Promise<void> {
  const failures = new Map<number, unknown>();
  const rest = [...draftsOf].entries();
  const openInTurn = async (): Promise<void> => {
    for (const [index, [packageName, drafts]] of rest) {
      try {
        leases.set(packageName, await host.open(packageName));
      } catch (error) {
        failures.set(index, withoutSecrets(error, drafts));
      }
      if (failures.size > 0) return;
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, openInTurn));
  if (failures.size > 0) throw failures.get(Math.min(...failures.keys()));
}

/** A package may be named by a variable, whose value no reply shows: the reply names the variable. */
export function withoutSecrets(error: unknown, drafts: readonly PolicyDraft[]): unknown {
  if (!(error instanceof BackendError)) return error;
  let message = redactorOf(drafts.flatMap((draft) => draft.secrets))(error.message);
  for (const draft of drafts) {
    const written = writtenPackageOf(draft);
    if (written?.startsWith('${')) message = message.replaceAll(draft.packageName, () => written);
  }
  return message === error.message ? error : new BackendError(message, { cause: error });
}

function writtenPackageOf({ written: { config } }: PolicyDraft): string | undefined {
  if (typeof config !== 'object' || config === null || !('package' in config)) return undefined;
  return typeof config.package === 'string' ? config.package : undefined;
}

async function checkAll(
  drafts: readonly PolicyDraft[],
  draftsOf: DraftsOf,
  leases: ReadonlyMap<string, BackendLease>,
): Promise<void> {
  const rowsOf = new Map<PolicyDraft, readonly ValidationFinding[]>();
  const check = async ([packageName, lease]: readonly [string, BackendLease]): Promise<void> => {
    const ofPackage = draftsOf.get(packageName) ?? [];
    const findings = await checkPackage(lease, ofPackage);
    for (const [index, draft] of ofPackage.entries())
      rowsOf.set(draft, rowsFor(draft, findings[index] ?? []));
  };
  await Promise.all([...leases].map(check));
  const rows = drafts.flatMap((draft) => rowsOf.get(draft) ?? []);
  if (rows.length > 0) throw new ValidationError(rows);
}

async function checkPackage(
  lease: BackendLease,
  drafts: readonly PolicyDraft[],
): Promise<readonly (readonly SchemaFinding[])[]> {
  try {
    return await lease.check(
      drafts.map((draft) => draft.payload),
      drafts.flatMap((draft) => draft.secrets),
    );
  } catch (error) {
    throw withoutSecrets(error, drafts);
  }
}

/** The rows of what a backend's schemas have against a policy. */
export function rowsFor(draft: PolicyDraft, findings: readonly SchemaFinding[]): ValidationFinding[] {
  if (findings.length === 0) return [];
  const redact = redactorOf(draft.secrets);
  return findings.map(({ part, path: inPart, type, message }) => {
    const path = ['policies', draft.name, part, ...inPart];
    return { path, field: fieldOf(path), type, error: redact(message) };
  });
}
