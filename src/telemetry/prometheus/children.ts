import type { BackendHost } from '../../backend/host.ts';
import { memorySizes } from './proc.ts';

/** A package's children together. */
export interface ChildrenOfPackage {
  readonly package: string;
  count: number;
  runs: number;
  /** undefined where the system does not tell. */
  residentBytes: number | undefined;
}

/** Puts children together that have the same package. */
export async function childrenByPackage(
  children: ReturnType<BackendHost['children']>,
): Promise<readonly ChildrenOfPackage[]> {
  const measured = await Promise.all(
    children.map(async (child) => ({ ...child, residentBytes: (await memorySizes(child.pid))('VmRSS') })),
  );
  const packages = new Map<string, ChildrenOfPackage>();
  for (const { package: name = '', runs, residentBytes } of measured) {
    const all = packages.get(name) ?? { package: name, count: 0, runs: 0, residentBytes: undefined };
    packages.set(name, all);
    all.count += 1;
    all.runs += runs;
    if (residentBytes !== undefined) all.residentBytes = (all.residentBytes ?? 0) + residentBytes;
  }
  return [...packages.values()];
}
