import os from 'node:os';
import type { RunIdentity } from './contract.ts';

/** How this daemon introduces itself to a receiver. */
export interface Sender {
  /** `sdk_name`, or the name of an OTLP scope: `orb-worker`, with `-otlp` or `-dry-run` behind it. */
  readonly name: string;
  /** Digits.digits.digits: receivers refuse others. */
  readonly version: string;
  /** Stands before every app name, with a slash between. */
  readonly appNamePrefix: string | undefined;
}

/** `sdk_version` for a version that may have a suffix, such as `1.2.3-rc.1`. */
export function sdkVersion(version: string): string {
  return /^\d+\.\d+\.\d+/.exec(version)?.[0] ?? '0.0.0';
}

/** The producer's name as a receiver sees it: `PREFIX/APP`. */
export function producerAppName(run: RunIdentity, { appNamePrefix }: Sender): string {
  return appNamePrefix === undefined ? run.appName : `${appNamePrefix}/${run.appName}`;
}

/** What a request says of its run beside the entities. */
export function runMetadata(run: RunIdentity): Record<string, string> {
  return { policy_name: run.policyName, worker_backend: run.backend, run_id: run.runId };
}

/** The operating system, in letters that a header can carry: `Linux-6.1.0-x86_64`. */
export function platformText(): string {
  return [os.type(), os.release(), os.machine()].join('-').replace(/[^\x21-\x7e]/g, '_');
}
