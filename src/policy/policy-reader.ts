import type { Provenance } from './contract.ts';
import { type ReadOptions, readPolicy, readPolicyDocument } from './read-document.ts';
import { readKeptPolicy } from './read-kept.ts';
import type { PolicyReader } from './registry.ts';

/** Reads policies on this machine, each with the rights of where it came from. */
export function createPolicyReader(options: Omit<ReadOptions, 'provenance'>): PolicyReader {
  const from = (provenance: Provenance): ReadOptions => ({ ...options, provenance });
  return {
    readDocument: (document, provenance) => readPolicyDocument(document, from(provenance)),
    readPolicy: (name, document, provenance) => readPolicy(name, document, from(provenance)),
    readKept: ({ name, document, provenance }) => readKeptPolicy(name, document, from(provenance)),
  };
}
