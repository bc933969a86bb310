import type { Provenance } from '../policy/contract.ts';
import type { FoundPolicy, KeptPolicy, PolicyStore } from '../policy/policy-store.ts';
import { type FoundPolicyRow, keyOfName, nameOfKey, type PolicyRow } from './calls.ts';
import type { StateThread } from './state-thread.ts';

/** Policies on disk. */
export function keptPolicies(thread: StateThread, onRepaired: PolicyStore['onRepaired']): PolicyStore {
  return {
    found: async () => (await thread.call('policies.found', [])).map(policyOf),
    save: (policies) => thread.call('policies.save', [policies.map(rowOf)]),
    saveAgain: (policies) =>
      thread.call('policies.saveAgain', [
        policies.map((policy) => ({ ...rowOf(policy), hasRun: policy.hasRun })),
      ]),
    onRepaired,
    remove: (numbers) => thread.call('policies.remove', [numbers]),
  };
}

function rowOf({ number, name, document, provenance, appliedAt }: KeptPolicy): PolicyRow {
  return { number, name: keyOfName(name), document, provenance, appliedAt };
}

function policyOf({
  number,
  name,
  document,
  provenance,
  appliedAt,
  hasRun,
  lastDueAt,
}: FoundPolicyRow): FoundPolicy {
  return {
    number,
    name: nameOfKey(name),
    document,
    provenance: provenanceOf(provenance),
    appliedAt,
    hasRun,
    lastDueAt,
  };
}

const PROVENANCES: readonly Provenance[] = ['file', 'authenticated', 'loopback', 'network'];

/** What is none of ours is trusted least. */
function provenanceOf(text: string): Provenance {
  return PROVENANCES.find((provenance) => provenance === text) ?? 'network';
}
