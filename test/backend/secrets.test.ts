import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { PackageFolder, payloadOf, Rig, startRun } from './rig.ts';

const SECRET = 'of-one-policy-0123';

let folder: PackageFolder;
beforeAll(async () => {
  folder = await PackageFolder.create();
  await folder.add('tattler', {
    'index.js': `
      const kept = {};
      export default {
        describe: () => ({ name: 'tattler', app_name: 't', app_version: '1' }),
        scope: { '~standard': { version: 1, vendor: 'x', validate(value) {
          kept.secret = value.secret ?? kept.secret;
          process.stdout.write('checked ' + kept.secret + '\\n');
          return { value };
        } } },
        run({ scope }, { log }) {
          log.info('log ' + kept.secret);
          process.stderr.write('printed ' + kept.secret + '\\n');
          if (scope.leave) setTimeout(() => { throw new Error('late ' + kept.secret); }, 1);
          else throw new Error('threw ' + kept.secret);
          return new Promise(() => {});
        },
      };`,
  });
});
afterAll(() => folder[Symbol.asyncDispose]());

test('what one policy may show to nobody, no run of the package shows, nor anything that it prints', async () => {
  await using rig = new Rig({ backendsDirs: [folder.path] });
  const lease = await rig.host.open('tattler');
  await lease.check([payloadOf({ secret: SECRET })], [SECRET]);
  const run = startRun(lease, {});
  expect(await run.outcome).toEqual({ kind: 'failed', reason: 'threw ***' });
  expect(run.logs).toEqual([{ level: 'info', message: 'log ***' }]);
  const late = startRun(lease, { secret: SECRET, leave: true });
  expect(await late.outcome).toMatchObject({ reason: 'threw outside its run: late ***' });
  const printed = () => rig.lines.map(({ msg }) => msg);
  await vi.waitUntil(() => printed().filter((line) => line === 'printed ***').length === 2, {
    timeout: 15_000,
  });
  expect(printed()).toContain('checked ***');
  expect(JSON.stringify(rig.lines)).not.toContain(SECRET);
});
