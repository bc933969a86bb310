import { constants } from 'node:crypto';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { Clock, Timer } from '../../clock.ts';
import { type CertificateFiles, checkCertificate, type ServerCertificate } from './certificate.ts';
import { FileWatch } from './file-watch.ts';

interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
}

type RenewalListener = (context: SecureContextOptions) => void;

const DAY_MS = 86_400_000;
/** A certificate is warned of in the last quarter of its life, but no sooner than this before its end. */
const LONGEST_WARNING_MS = 14 * DAY_MS;
const WARNING_SHARE = 0.25;

/** The server's side of TLS, renewed while it serves. What cannot be used is reported, and what was there before stays. */
export class ServerTls {
  readonly #files: CertificateFiles;
  readonly #surroundings: Surroundings;
  readonly #listeners = new Set<RenewalListener>();
  #certificate: ServerCertificate | undefined;
  #watch: FileWatch | undefined;
  #reminder: Timer | undefined;
  #authorities = 0;

  private constructor(files: CertificateFiles, surroundings: Surroundings) {
    this.#files = files;
    this.#surroundings = surroundings;
  }

  /** Rejects with a `LockFault` for files that cannot be used. */
  static async read(files: CertificateFiles, surroundings: Surroundings): Promise<ServerTls> {
    const tls = new ServerTls(files, surroundings);
    const { cert, key, clientCa } = files;
    tls.#watch = await FileWatch.start({
      clock: surroundings.clock,
      files: clientCa === undefined ? [cert, key] : [cert, key, clientCa],
      use: (contents) => tls.#use(checkCertificate(files, contents, surroundings.clock.now())),
      onFault: (fault) =>
        surroundings.log.error(
          { module: 'api', file: fault.file.path },
          `${fault.message}: the certificate, key and authorities from before stay in use`,
        ),
    });
    return tls;
  }

  /** Whether clients may show a certificate. */
  get asksClients(): boolean {
    return this.#files.clientCa !== undefined;
  }

  /** Another number for other authorities of the clients: who was let in by those before has to come again. */
  get authorities(): number {
    return this.#authorities;
  }

  /** What a server is created with; `onRenewed` tells what it is to use afterwards. */
  get options(): TlsOptions {
    // Whoever shows no certificate may still have a token, and a probe needs neither.
    return { ...this.#context, requestCert: this.asksClients, rejectUnauthorized: false };
  }

  onRenewed(listener: RenewalListener): void {
    this.#listeners.add(listener);
  }

  /** What is wrong now, a sentence each. */
  faults(): readonly string[] {
    const { fault } = this.#watch ?? {};
    const faults = fault === undefined ? [] : [`${fault.message} (the one before stays in use)`];
    return this.#isExpired
      ? [...faults, `${this.#files.cert.flag}: the certificate in use has expired`]
      : faults;
  }

  stop(): void {
    this.#watch?.stop();
    this.#reminder?.cancel();
    this.#listeners.clear();
  }

  get #isExpired(): boolean {
    return this.#certificate !== undefined && this.#surroundings.clock.now() >= this.#certificate.validUntil;
  }

  get #context(): SecureContextOptions {
    const { cert, key, clientCa } = this.#certificate ?? {};
    return {
      cert,
      key,
      ca: clientCa,
      // A session that is resumed would keep what was true of its certificate when it began.
      secureOptions: this.asksClients ? constants.SSL_OP_NO_TICKET : 0,
    };
  }

  #use(certificate: ServerCertificate): void {
    const before = this.#certificate;
    this.#certificate = certificate;
    const { clientCa } = certificate;
    if (before?.clientCa !== undefined && clientCa?.equals(before.clientCa) !== true) this.#authorities++;
    for (const listener of this.#listeners) listener(this.#context);
    const until = new Date(certificate.validUntil).toISOString();
    this.#surroundings.log.info({ module: 'api' }, `The certificate in use is valid until ${until}`);
    this.#remind(certificate);
  }

  /** Warns of the end once a day as soon as it is near. */
  #remind(certificate: ServerCertificate): void {
    const { clock, log } = this.#surroundings;
    const { validFrom, validUntil } = certificate;
    const warningMs = Math.min(LONGEST_WARNING_MS, (validUntil - validFrom) * WARNING_SHARE);
    const leftMs = validUntil - clock.now();
    this.#reminder?.cancel();
    if (leftMs <= warningMs) {
      const until = new Date(validUntil).toISOString();
      const { flag, path: file } = this.#files.cert;
      if (leftMs > 0) log.warn({ module: 'api', file }, `${flag}: the certificate expires on ${until}`);
      else log.error({ module: 'api', file }, `${flag}: the certificate expired on ${until}`);
    }
    const nextMs = [leftMs - warningMs, leftMs].find((ms) => ms > 0 && ms < DAY_MS) ?? DAY_MS;
    this.#reminder = clock.after(nextMs, () => this.#remind(certificate));
  }
}
