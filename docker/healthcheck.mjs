// Is the daemon in this container alive? Asks /healthz wherever it listens: its flags may have named any address.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const GIVE_UP_AFTER_MS = 4_000;
const LISTENING = '0A';

const read = (path) => readFileSync(path, 'utf8');

/** The kernel shows addresses in words of four bytes, the last byte first. */
function readAddress(hex) {
  const bytes = Buffer.from(hex, 'hex').swap32();
  if (bytes.length === 4) return bytes.join('.');
  return bytes.toString('hex').match(/.{4}/g).join(':');
}

/** What a descriptor stands for; '' when it was closed since it was listed. */
function targetOf(path) {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return '';
    throw error;
  }
}

/** The first socket on which a process listens; undefined when there is none. */
function listeningOn(pid) {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => targetOf(`/proc/${pid}/fd/${fd}`));
  const sockets = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]));
  for (const table of ['tcp', 'tcp6']) {
    for (const line of read(`/proc/${pid}/net/${table}`).trim().split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      const [address, port] = local.split(':');
      if (state === LISTENING && sockets.has(inode))
        return { host: readAddress(address), port: Number.parseInt(port, 16) };
    }
  }
  return undefined;
}

function isDaemon(pid) {
  try {
    return read(`/proc/${pid}/comm`) === 'orb-worker\n';
  } catch {
    return false; // It has just ended.
  }
}

function findDaemon() {
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && isDaemon(name));
  if (pid === undefined) throw new Error('no daemon runs');
  const address = listeningOn(pid);
  if (address === undefined) throw new Error('the daemon does not listen');
  return address;
}

/** The status of /healthz. It is this container's own daemon, whatever its certificate says. */
function ask(protocol, address, signal) {
  return new Promise((resolve, reject) => {
    const options = { ...address, path: '/healthz', signal, agent: false, rejectUnauthorized: false };
    protocol.get(options, (reply) => resolve(reply.resume().statusCode)).once('error', reject);
  });
}

try {
  const address = findDaemon();
  const signal = AbortSignal.timeout(GIVE_UP_AFTER_MS);
  const status = await ask(http, address, signal).catch(() => ask(https, address, signal));
  if (status !== 200) throw new Error(`/healthz answered ${status}`);
} catch (error) {
  process.stdout.write(`${error.message}\n`);
  process.exitCode = 1;
}
