import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { FakeDiode } from './fake-diode.ts';
import { lengthDelimited } from './fake-diode-wire.ts';

const request = Buffer.concat([
  lengthDelimited(1, Buffer.from('latest')),
  lengthDelimited(2, Buffer.alloc(0)),
  lengthDelimited(2, Buffer.alloc(0)),
]);

function ingest(diode: FakeDiode, token: string): Promise<Buffer | undefined> {
  const same = (bytes: Buffer): Buffer => bytes;
  const client = new grpc.Client(`127.0.0.1:${diode.port}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/p/diode.v1.IngesterService/Ingest',
      same,
      same,
      request,
      metadata,
      { deadline: Date.now() + 5000 },
      (error, reply) => {
        client.close();
        if (error) reject(error);
        else resolve(reply);
      },
    );
  });
}

async function fetchToken(diode: FakeDiode): Promise<string> {
  const reply = await fetch(`http://127.0.0.1:${diode.port}/p/auth/token`, {
    method: 'POST',
    body: 'a=b%26',
  });
  const { access_token } = (await reply.json()) as { access_token: string };
  return access_token;
}

test('tokens and Ingest share one port, and what came is kept', async () => {
  await using diode = await FakeDiode.start({ path: '/p' });
  await expect(ingest(diode, 'none')).rejects.toMatchObject({ code: grpc.status.UNAUTHENTICATED });
  await ingest(diode, await fetchToken(diode));
  await diode.received(2);
  expect(diode.acknowledged).toEqual({ calls: 1, entities: 2, bytes: request.length });
  expect(diode.ingested).toEqual([{ stream: 'latest', entities: [{}, {}] }]);
  expect(diode.tokenRequests[0]?.form).toEqual({ a: 'b&' });
});

test('it fails as it is told, and comes back on the same port', async () => {
  await using diode = await FakeDiode.start({ path: '/p' });
  const token = await fetchToken(diode);
  diode.ingest.fail('disconnect');
  await expect(ingest(diode, token)).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  diode.ingest.fail({ status: grpc.status.INTERNAL, message: 'no disk' });
  await expect(ingest(diode, token)).rejects.toMatchObject({ code: 13, details: 'no disk' });
  await diode.stop();
  await expect(ingest(diode, token)).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
  await diode.restart();
  await ingest(diode, token);
  expect(diode.openConnections).toBeGreaterThan(0);
});
