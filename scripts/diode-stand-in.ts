// A Diode to try the worker against: believes every client, writes each entity that it gets to stdout, keeps none.
import { FakeDiode } from '../test/support/fake-diode.ts';

const diode = await FakeDiode.start({ host: '0.0.0.0', port: 8080, path: '/diode' });
process.stdout.write(`Listening on ${diode.target}\n`);

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void diode.stop().then(() => process.exit(0)));
}

for (;;) {
  await diode.until(() => diode.requests.length > 0);
  for (const { producer_app_name, metadata, entities = [] } of diode.ingested) {
    process.stdout.write(
      `${entities.length} entities of ${producer_app_name}: ${JSON.stringify(metadata)}\n`,
    );
    for (const entity of entities) process.stdout.write(`  ${JSON.stringify(entity)}\n`);
  }
  diode.requests.length = 0;
}
