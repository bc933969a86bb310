import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RunOptions, run } from './run.ts';

/** What the Dockerfile builds on. */
interface BaseImage {
  /** `node:24-bookworm-slim`. */
  readonly name: string;
  /** Debian's name for the release: `bookworm`. */
  readonly release: string;
}

/**
 * Puts an image under the name of the one that the Dockerfile builds on, for an engine that can pull none: Debian
 * from its mirrors, this repository's Node, npm, and the user that the original has.
 *
 * @param folder where there is room for it.
 * @param options its environment has the engine's address.
 */
export async function importStandIn(folder: string, options: RunOptions): Promise<void> {
  const { name, release } = readBaseImage();
  const base = path.join(folder, 'base');
  const archive = path.join(folder, 'base.tar');
  await run('debootstrap', ['--variant=minbase', release, base], options);
  await run('chroot', [base, 'apt-get', 'clean'], options);
  await addNode(base, options);
  await run('chroot', [base, 'useradd', '--create-home', '--uid', '1000', 'node'], options);
  await run('tar', ['--create', '--file', archive, '--directory', base, '.'], options);
  await run('docker', ['import', archive, name], options);
  rmSync(archive);
  rmSync(base, { recursive: true });
}

function readBaseImage(): BaseImage {
  const [, name, release] =
    /^FROM (node:\d+-(\w+)-slim)$/m.exec(readFileSync('docker/Dockerfile', 'utf8')) ?? [];
  if (name === undefined || release === undefined)
    throw new Error('docker/Dockerfile: which image is it built on?');
  return { name, release };
}

async function addNode(base: string, options: RunOptions): Promise<void> {
  const local = path.join(base, 'usr/local');
  copyFileSync('node_modules/node/bin/node', path.join(local, 'bin/node'));
  await run('npm', ['install', '--global', '--prefix', local, 'npm@11'], options);
  const certificates = certificatesOfNpm();
  if (certificates === undefined) return;
  mkdirSync(path.join(local, 'etc'), { recursive: true });
  copyFileSync(certificates, path.join(local, 'etc/npm-certificates.crt'));
  writeFileSync(path.join(local, 'etc/npmrc'), 'cafile=/usr/local/etc/npm-certificates.crt\n');
}

/** What this machine's npm trusts beyond the usual, such as a company's proxy: npm in the image must trust it too. */
function certificatesOfNpm(): string | undefined {
  const configured = execFileSync('npm', ['config', 'get', 'cafile'], { encoding: 'utf8' }).trim();
  return configured === 'null' ? process.env.NODE_EXTRA_CA_CERTS : configured;
}
