import { readFileSync } from 'node:fs';

/** The SDK whose schema this daemon speaks (`facts/diode/schema.json`). */
export const DIODE_SDK_VERSION = '1.14.2';

/** The daemon's own version, from its package.json. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return (manifest as { version: string }).version;
}
