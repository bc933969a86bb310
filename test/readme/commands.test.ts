import { expect, test, vi } from 'vitest';
import { commandNames } from '../../src/cli/commands/command.ts';
import { FakeDiode } from '../support/fake-diode.ts';
import { RealDaemon, runProgram } from '../support/real-daemon.ts';
import { blocksOf, rowsOf } from './blocks.ts';

const { stdout: help } = await runProgram(['dead-letters', '--help']);

test('the README names every command and no other', () => {
  const named = rowsOf('Delivery').map(([cell = '']) => /^`orb-worker ([\w-]+)/.exec(cell)?.[1]);
  expect([...new Set(named)].sort()).toEqual([...commandNames].sort());
});

test('the README names what dead-letters does, and no more', () => {
  const cells = rowsOf('Delivery').map(([cell = '']) => cell);
  const actions = cells.flatMap((cell) => /dead-letters (.+)`/.exec(cell)?.[1] ?? []);
  expect(help).toContain(`orb-worker dead-letters [options] ${actions.join(' | ')}\n`);
});

test('the README shows a trace as the command prints it', async () => {
  await using diode = await FakeDiode.start();
  await using daemon = await RealDaemon.start(['-t', diode.target, '-c', 'id', '-k', 'secret']);
  const error = Buffer.from('entity at index 2 is nil');
  diode.ingest.fail({ reply: Buffer.concat([Buffer.from([0x0a, error.length]), error]) });
  await daemon.apply('policies: { office: { config: { package: host }, scope: { site: Office } } }');
  const id = await vi.waitFor(
    async () => {
      const { runs } = (await daemon.request('/api/v1/runs?status=failed')).json<{
        runs: { id: string }[];
      }>();
      return runs[0]?.id ?? expect.fail('it has not failed yet');
    },
    { timeout: 20_000, interval: 50 },
  );
  const { stdout } = await runProgram(['trace', id, '--port', String(daemon.port)]);
  const [example = ''] = blocksOf('text').filter((block) => block.startsWith('$ orb-worker trace '));
  const [, ...lines] = example.split('\n');
  expect(outlineOf(lines.join('\n'))).toBe(outlineOf(stdout));
});

/** A text without what differs from one time to the next. */
function outlineOf(text: string): string {
  return text
    .replaceAll(/[\da-f]{8}-[\da-f-]{27}/g, 'ID')
    .replaceAll(/[+\d][\d.,:TZ-]*(?: ms| s(?= ))?|-(?= )/g, 'N')
    .replaceAll(/ +/g, ' ');
}
