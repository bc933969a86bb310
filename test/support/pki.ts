import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const DAY_MS = 86_400_000;

export interface Wanted {
  /** Subject alternative names, such as `DNS:localhost,IP:127.0.0.1`; undefined: none, as clients have it. */
  readonly names?: string;
  readonly validFrom?: number;
  readonly validUntil?: number;
  /** What may be done with it: `serverAuth`, `clientAuth`; default: anything. */
  readonly usage?: string;
}

/** A certificate and its key: PEM, and where they lie. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority of a test's own, made by openssl in a folder that goes with it. */
export class TestPki implements Disposable {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'orb-worker-pki-'));
  readonly caFile = path.join(this.dir, 'ca.crt');
  #issued = 0;

  constructor(commonName = 'a private authority') {
    this.#openssl('req', '-x509', ...this.#newKey('ca.key'), '-out', 'ca.crt', '-subj', `/CN=${commonName}`);
    writeFileSync(path.join(this.dir, 'index.txt'), '');
    writeFileSync(
      path.join(this.dir, 'ca.cnf'),
      [
        '[ca]\ndefault_ca = here',
        '[here]\ndatabase = index.txt\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256',
        'policy = names\nunique_subject = no\nx509_extensions = extensions',
        '[names]\ncommonName = supplied',
      ].join('\n'),
    );
  }

  /** The authority's certificate. */
  get ca(): string {
    return readFileSync(this.caFile, 'utf8');
  }

  issue(commonName: string, wanted: Wanted = {}): Issued {
    const { validFrom = Date.now() - DAY_MS, validUntil = Date.now() + 30 * DAY_MS } = wanted;
    const name = `issued-${++this.#issued}`;
    this.#openssl(
      'req',
      '-new',
      ...this.#newKey(`${name}.key`),
      '-out',
      `${name}.csr`,
      '-subj',
      `/CN=${commonName}`,
    );
    const times = ['-startdate', asn1Time(validFrom), '-enddate', asn1Time(validUntil)];
    this.#writeExtensions(wanted);
    this.#openssl(
      ...[
        'ca',
        '-batch',
        '-config',
        'ca.cnf',
        '-extfile',
        'extensions.cnf',
        '-cert',
        'ca.crt',
        '-keyfile',
        'ca.key',
      ],
      ...['-in', `${name}.csr`, '-out', `${name}.crt`, '-notext', ...times],
    );
    const [certFile, keyFile] = [path.join(this.dir, `${name}.crt`), path.join(this.dir, `${name}.key`)];
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true });
  }

  #writeExtensions({ names, usage }: Wanted): void {
    const lines = ['basicConstraints = CA:FALSE'];
    if (names !== undefined) lines.push(`subjectAltName = ${names}`);
    if (usage !== undefined) lines.push(`extendedKeyUsage = ${usage}`);
    writeFileSync(path.join(this.dir, 'extensions.cnf'), lines.join('\n'));
  }

  #newKey(file: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file];
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

/** `20260102030405Z` */
function asn1Time(epochMs: number): string {
  return `${new Date(epochMs).toISOString().replace(/\..*|[-:T]/g, '')}Z`;
}
