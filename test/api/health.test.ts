import { expect, test } from 'vitest';
import { TestApi } from './support.ts';

test('/healthz says that the process is alive, whatever it is ready for', async () => {
  await using api = await TestApi.start();
  api.readiness = { statusCode: 503, status: 'stopping', reasons: ['the daemon is stopping'] };
  const answer = await api.get('/healthz');
  expect([answer.status, answer.text]).toEqual([200, '{"status":"ok"}']);
});

test.each([
  [200, 'ok', []],
  [200, 'degraded', ['Diode is not reachable']],
  [503, 'starting', ['the daemon is starting']],
  [503, 'stopping', ['the daemon is stopping']],
] as const)('/readyz answers %i while %s', async (statusCode, status, reasons) => {
  await using api = await TestApi.start();
  api.readiness = { statusCode, status, reasons: [...reasons] };
  const answer = await api.get('/readyz');
  expect([answer.status, answer.json()]).toEqual([statusCode, { status, reasons }]);
});
