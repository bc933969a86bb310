import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The Debian package that brings each program. */
const PROGRAMS = {
  dockerd: 'docker.io',
  docker: 'docker.io',
  debootstrap: 'debootstrap',
  setpriv: 'util-linux',
};

/** Why no Docker engine of our own can be started here; empty when it can. */
export function missingNeeds(): string[] {
  if (process.platform !== 'linux') return ['it needs Linux'];
  const needs =
    process.getuid?.() === 0
      ? []
      : ['it needs root, to start a Docker engine of its own, or DOCKER_HOST, to use another'];
  const packages = Object.entries(PROGRAMS).flatMap(([program, name]) => (isOnPath(program) ? [] : [name]));
  if (packages.length > 0) needs.push(`it needs apt-get install ${[...new Set(packages)].join(' ')}`);
  return needs;
}

function isOnPath(program: string): boolean {
  const folders = process.env.PATH?.split(path.delimiter) ?? [];
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
