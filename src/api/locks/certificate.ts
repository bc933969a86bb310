import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../errors.ts';
import { LockFault, type LockFile } from './lock-file.ts';

/** What a server shows of itself, and whom it lets in: PEM, checked. */
export interface ServerCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who may have signed a client's certificate; undefined: nobody is asked for one. */
  readonly clientCa: Buffer | undefined;
  /** Epoch ms. */
  readonly validFrom: number;
  readonly validUntil: number;
}

export interface CertificateFiles {
  readonly cert: LockFile;
  readonly key: LockFile;
  readonly clientCa: LockFile | undefined;
}

const ONE_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Checks that certificate, key and authorities can be used together now.
 * @param contents of cert, key and client CA, if there is one, in this order.
 * @throws LockFault that names the file and says why not.
 */
export function checkCertificate(
  files: CertificateFiles,
  [cert, key, clientCa]: readonly Buffer[],
  now: number,
): ServerCertificate {
  if (cert === undefined || key === undefined) throw new TypeError('certificate and key were not read');
  const [leaf] = parseCertificates(files.cert, cert);
  if (leaf === undefined) throw new LockFault(files.cert, 'it holds no certificate in PEM form');
  checkTime(files.cert, leaf, now);
  if (!leaf.checkPrivateKey(parseKey(files.key, key))) {
    throw new LockFault(files.key, 'it does not belong to the certificate of --tls-cert');
  }
  if (files.clientCa !== undefined) checkAuthorities(files.clientCa, clientCa);
  checkContext(files.cert, { cert, key, ca: clientCa });
  return {
    cert,
    key,
    clientCa,
    validFrom: leaf.validFromDate.getTime(),
    validUntil: leaf.validToDate.getTime(),
  };
}

function parseCertificates(file: LockFile, pem: Buffer): readonly X509Certificate[] {
  try {
    return (pem.toString().match(ONE_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
  } catch {
    throw new LockFault(file, 'it holds a certificate that cannot be read');
  }
}

function checkTime(file: LockFile, { validFromDate, validToDate }: X509Certificate, now: number): void {
  if (now >= validToDate.getTime()) {
    throw new LockFault(file, `the certificate expired on ${validToDate.toISOString()}`);
  }
  if (now < validFromDate.getTime()) {
    throw new LockFault(file, `the certificate is valid only from ${validFromDate.toISOString()} on`);
  }
}

/** Nothing of what was read is told: a key may have been put where it does not belong. */
function parseKey(file: LockFile, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    const isEncrypted = pem.includes('ENCRYPTED');
    throw new LockFault(
      file,
      isEncrypted
        ? 'the key is encrypted, which only a person could undo'
        : 'it holds no private key in PEM form',
    );
  }
}

function checkAuthorities(file: LockFile, pem: Buffer | undefined): void {
  const authorities = pem === undefined ? [] : parseCertificates(file, pem);
  if (authorities.length === 0) throw new LockFault(file, 'it holds no certificate in PEM form');
}

/** What OpenSSL refuses beside all that: keys that are too short, chains that it cannot read. */
function checkContext(file: LockFile, context: { cert: Buffer; key: Buffer; ca: Buffer | undefined }): void {
  try {
    createSecureContext(context);
  } catch (error) {
    throw new LockFault(file, `OpenSSL refuses it: ${messageOf(error)}`);
  }
}
