import type { PolicyRegistry } from './contract.ts';

/** Policies that cannot work for now, whatever their runs say. */
export interface UnablePolicies {
  readonly count: number;
  /** One of them, with its reason. */
  readonly example: { readonly name: string; readonly reason: string } | undefined;
}

/** Counts them: those of an earlier life that do not come back, and those whose backend could not set them up. */
export function unablePolicies(
  registry: Pick<PolicyRegistry, 'names' | 'failureOf' | 'faultOf'>,
): UnablePolicies {
  let count = 0;
  let example: UnablePolicies['example'];
  for (const name of registry.names()) {
    const reason = registry.failureOf(name) ?? registry.faultOf(name);
    if (reason === undefined) continue;
    count += 1;
    example ??= { name, reason };
  }
  return { count, example };
}
