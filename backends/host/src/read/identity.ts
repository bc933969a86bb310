import os from 'node:os';
import { osInfo, type Systeminformation, system } from 'systeminformation';
import type { Identity } from '../machine.ts';

/** What vendors and the library write where they know nothing. */
const placeholder =
  /^(|-|\.+|0+|unknown|none|n\/a|computer|default string|not (specified|applicable|available)|to be filled by o\.?e\.?m\.?|system (manufacturer|product name|serial number)|chassis serial number|0?123456789)$/i;

/** Reads the machine's identity. What needs root, or a tool that is not installed, is left out. */
export async function readIdentity(): Promise<Identity> {
  const [hardware, operatingSystem] = await Promise.all([system(), osInfo()]);
  return identityOf(os.hostname(), hardware, operatingSystem);
}

/** Drops what is only a placeholder. */
export function identityOf(
  hostname: string,
  hardware: Pick<Systeminformation.SystemData, 'manufacturer' | 'model' | 'serial'>,
  operatingSystem: Pick<Systeminformation.OsData, 'distro' | 'release'>,
): Identity {
  return {
    hostname,
    manufacturer: meaningful(hardware.manufacturer),
    model: meaningful(hardware.model),
    serial: meaningful(hardware.serial),
    platform: platformOf(operatingSystem),
  };
}

function platformOf({ distro, release }: Pick<Systeminformation.OsData, 'distro' | 'release'>): string {
  const name = meaningful(distro) ?? os.type();
  const version = meaningful(release);
  return version === undefined ? name : `${name} ${version}`;
}

function meaningful(text: string): string | undefined {
  const trimmed = text.trim();
  return placeholder.test(trimmed) ? undefined : trimmed;
}
