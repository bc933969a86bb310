import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { said, TestApi } from './support.ts';

// What is asked of a document's body before it is read.

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api[Symbol.asyncDispose]());

const refusal = [400, { detail: "invalid Content-Type. Only 'application/x-yaml' is supported" }];

describe('the content type', () => {
  test.each([
    ['application/json'],
    ['text/yaml'],
    ['text/x-yaml'],
    ['application/x-yamlx'],
    ['application/x-yaml, text/plain'],
    [''],
    [';'],
    ['multipart/form-data; boundary=application/x-yaml'],
  ])('15 %j is refused', async (type) => {
    expect(said(await api.post(['never'], { 'content-type': type }))).toEqual(refusal);
    expect(api.registry.get('never')).toBeUndefined();
  });

  test('15 a missing one is refused', async () => {
    expect(said(await api.post(['never'], {}))).toEqual(refusal);
  });

  test.each([
    'application/x-yaml; charset=utf-8',
    'Application/X-YAML',
    ' application/x-yaml ;x',
    'application/x-yaml;;;',
    'application/x-yaml; charset="',
    'application/yaml',
    'APPLICATION/YAML;q=1',
  ])('15 %j passes', async (type) => {
    expect((await api.post([`as ${type}`], { 'content-type': type })).status).toBe(201);
  });

  test('16 is looked at before the document', async () => {
    const before = api.registry.applied.length;
    expect(said(await api.post('policies: {', { 'content-type': 'application/json' }))).toEqual(refusal);
    const large = await api.post(Buffer.alloc(20 * 1024 * 1024), { 'content-type': 'application/json' });
    expect(said(large)).toEqual(refusal);
    expect(api.registry.applied.length).toBe(before);
  });

  test.each(['gzip', 'deflate', 'br', 'identity, gzip'])(
    'a body compressed with %s is refused',
    async (coding) => {
      const headers = { 'content-type': 'application/x-yaml', 'content-encoding': coding };
      const answer = await api.post(gzipSync('["never"]'), headers);
      expect(answer.status).toBe(415);
      expect(answer.json()).toHaveProperty(
        'detail',
        expect.stringMatching(/coding is not read: send it uncompressed$/),
      );
    },
  );

  test('a body that says it is not compressed passes', async () => {
    const headers = { 'content-type': 'application/x-yaml', 'content-encoding': 'Identity' };
    expect((await api.post(['plain'], headers)).status).toBe(201);
  });
});

describe('the size', () => {
  const limit = 16 * 1024 * 1024;

  test('16 MiB are read', async () => {
    const document = Buffer.alloc(limit, ' ');
    document.write('["large"]');
    expect((await api.post(document)).status).toBe(201);
  });

  test('one byte more is refused, and so is much more', async () => {
    expect(said(await api.post(Buffer.alloc(limit + 1)))).toEqual([
      413,
      { detail: 'the body is larger than 16 MiB' },
    ]);
    expect((await api.post(Buffer.alloc(20 * 1024 * 1024))).status).toBe(413);
  });

  test('a body of unknown length is measured while it comes', async () => {
    const client = api.connect();
    client.send('POST /api/v1/policies HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-yaml\r\n');
    client.send('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n');
    const mebibyte = `100000\r\n${' '.repeat(1024 * 1024)}\r\n`;
    for (let sent = 0; sent < 18; sent += 1) client.send(mebibyte);
    client.send('0\r\n\r\n');
    expect(await client.untilClosed()).toMatch(
      /^HTTP\/1\.1 413 [\s\S]*\{"detail":"the body is larger than 16 MiB"\}$/,
    );
  });
});
