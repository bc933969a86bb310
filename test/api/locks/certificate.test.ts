import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkCertificate } from '../../../src/api/locks/certificate.ts';
import { LockFault } from '../../../src/api/locks/lock-file.ts';
import { TestPki } from '../../support/pki.ts';

const files = {
  cert: { flag: '--tls-cert', path: 'c' },
  key: { flag: '--tls-key', path: 'k' },
  clientCa: { flag: '--tls-client-ca', path: 'ca' },
};

let pki: TestPki;
beforeAll(() => {
  pki = new TestPki();
});
afterAll(() => pki[Symbol.dispose]());

test('a chain is read: the first certificate is the one that counts', () => {
  const { cert, key } = pki.issue('x');
  const contents = [`# a comment\n${cert}\n${pki.ca}`, key, pki.ca].map((pem) => Buffer.from(pem));
  const { validUntil } = checkCertificate(files, contents, Date.now());
  expect(validUntil - Date.now()).toBeLessThan(31 * 86_400_000);
  const turned = [`${pki.ca}${cert}`, key, pki.ca].map((pem) => Buffer.from(pem));
  expect(() => checkCertificate(files, turned, Date.now())).toThrow('it does not belong to the certificate');
});

test('whatever stands in the files, the answer is a certificate or a sentence without any of it', () => {
  const { cert, key } = pki.issue('x');
  const whole = [cert, key, pki.ca];
  /** One of the files with a part of it replaced. */
  const spoilt = fc.record({ which: fc.nat(2), at: fc.nat(1_000), length: fc.nat(200), by: fc.string() });
  fc.assert(
    fc.property(spoilt, ({ which, at, length, by }) => {
      const contents = whole.map((pem, index) =>
        Buffer.from(index === which ? pem.slice(0, at) + by + pem.slice(at + length) : pem),
      );
      try {
        checkCertificate(files, contents, Date.now());
      } catch (fault) {
        expect(fault).toBeInstanceOf(LockFault);
        const secret = key.split('\n')[1] ?? '';
        expect(String(fault)).not.toContain(secret.slice(0, 20));
      }
    }),
    { numRuns: 300 },
  );
});

test('files that are no text at all', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (cert, key) => {
      const contents = [Buffer.from(cert), Buffer.from(key), Buffer.from(cert)];
      expect(() => checkCertificate(files, contents, Date.now())).toThrow(LockFault);
    }),
  );
});
