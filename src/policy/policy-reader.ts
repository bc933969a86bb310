import type { PolicyDraft, Provenance } from './contract.ts';
import type { KeptPolicy } from './policy-store.ts';
import { type ReadOptions, readPolicy, readPolicyDocument } from './read-document.ts';
import { readKeptPolicy } from './read-kept.ts';
import type { Steps } from './steps.ts';

/** Makes policies of documents. */
export interface PolicyReader {
  /** Throws a `RequestError` for a document that is not as it should be. */
  readDocument(document: Buffer, provenance: Provenance): Steps<readonly PolicyDraft[]>;
  /** The same of one policy, written alone. */
  readPolicy(name: string, document: Buffer, provenance: Provenance): Steps<PolicyDraft>;
  /** One that was kept. */
  readKept(kept: KeptPolicy): PolicyDraft;
}

/** Reads policies on this machine, each with the rights of where it came from. */
export function createPolicyReader(options: Omit<ReadOptions, 'provenance'>): PolicyReader {
  const from = (provenance: Provenance): ReadOptions => ({ ...options, provenance });
  return {
    readDocument: (document, provenance) => readPolicyDocument(document, from(provenance)),
    readPolicy: (name, document, provenance) => readPolicy(name, document, from(provenance)),
    readKept: ({ name, document, provenance }) => readKeptPolicy(name, document, from(provenance)),
  };
}
