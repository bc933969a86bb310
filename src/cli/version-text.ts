import { DIODE_SDK_VERSION, readVersion } from '../version.ts';

/** What `--version` says. */
export function versionText(): string {
  return `Orb Worker version: ${readVersion()}, Diode SDK version: ${DIODE_SDK_VERSION}`;
}
