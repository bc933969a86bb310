import { expect, test } from 'vitest';
import { childEnvironment } from '../../src/backend/child-environment.ts';

test('backends inherit everything but the daemon’s own settings and secrets', () => {
  const env = {
    PATH: '/bin',
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'localhost',
    NETBOX_TOKEN: 'for the backend',
    DIODE_CLIENT_SECRET: 'secret',
    DIODE_CERT_FILE: '/ca.pem',
    ORB_WORKER_PORT: '8071',
    MY_SECRET: 'named by a flag',
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=secret',
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'api-key=secret',
  };
  expect(childEnvironment(env, ['MY_SECRET', 'NOT_SET'])).toEqual({
    PATH: '/bin',
    HTTPS_PROXY: 'http://proxy:3128',
    no_proxy: 'localhost',
    NETBOX_TOKEN: 'for the backend',
  });
});
