import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Logger } from 'pino';
import { describe, expect, test } from 'vitest';
import type { LogFormat, LogLevel } from '../../src/options.ts';
import { redactorOf } from '../../src/redact.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Lines } from './lines.ts';

function logTo(
  format: LogFormat,
  {
    level = 'debug',
    secrets = [],
    isTTY = false,
  }: { level?: LogLevel; secrets?: string[]; isTTY?: boolean } = {},
): { log: Logger; lines: Lines } {
  const lines = new Lines(isTTY);
  return { log: createLog({ level, format, redact: redactorOf(secrets), destination: lines }), lines };
}

describe('text', () => {
  test("a line has the agent's form: level, module, message, fields", () => {
    const { log, lines } = logTo('text');
    const runner = log.child({ module: 'worker.policy.runner', policy: 'edge', run: 'r-1', backend: 'host' });
    runner.info('Policy edge: Successfully ingested 3 entities');
    expect(lines.take()).toEqual([
      'INFO: worker.policy.runner: Policy edge: Successfully ingested 3 entities policy=edge run=r-1 backend=host',
    ]);
  });

  test('levels have the names that the agent knows', () => {
    const { log, lines } = logTo('text');
    for (const level of ['debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]('x');
    expect(lines.take()).toEqual(['DEBUG: x', 'INFO: x', 'WARNING: x', 'ERROR: x', 'CRITICAL: x']);
  });

  test('lines below the level are not written', () => {
    const { log, lines } = logTo('text', { level: 'warn' });
    log.info('no');
    log.warn('yes');
    expect(lines.take()).toEqual(['WARNING: yes']);
  });

  test('a child of a child has the fields of both, and a line its own', () => {
    const { log, lines } = logTo('text');
    const child = log.child({ module: 'a' }).child({ policy: 'p' });
    child.warn({ count: 2 }, 'x');
    child.warn({ module: 'b', count: undefined }, 'y');
    expect(lines.take()).toEqual(['WARNING: a: x policy=p count=2', 'WARNING: b: y policy=p']);
  });

  test('values are quoted where they would not read as one', () => {
    const { log, lines } = logTo('text');
    log.info(
      { a: 'x y', b: '', c: 'a=b', d: 'say "hi"', e: { k: [1] }, f: null, g: true, h: 10n, i: 'ünï/é:1' },
      'm',
    );
    expect(lines.take()).toEqual([
      `INFO: m a="x y" b="" c="a=b" d="say \\"hi\\"" e={"k":[1]} f=null g=true h=10 i=ünï/é:1`,
    ]);
  });

  test('an error is told by its message; only the end of the daemon is worth a stack', () => {
    const { log, lines } = logTo('text');
    const error = new TypeError('no such thing');
    error.stack = 'TypeError: no such thing\n    at here';
    log.error({ err: error }, 'A request failed');
    log.fatal({ err: error }, 'Internal error');
    expect(lines.take()).toEqual([
      'ERROR: A request failed err="no such thing"',
      'CRITICAL: Internal error err="no such thing" stack="TypeError: no such thing\\n    at here"',
    ]);
  });

  test('what cannot be written as JSON does not throw', () => {
    const { log, lines } = logTo('text');
    const ring: Record<string, unknown> = {};
    ring.self = ring;
    log.info({ ring }, 'm');
    expect(lines.take()).toEqual(['INFO: m ring=[unwritable]']);
  });

  test('whatever message, module and values are, a line stays one line without controls', () => {
    const { log, lines } = logTo('text');
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\n', '\r\n', '\u2028', '\u001b[31m', '\u0085', '%s %d', 'a: b', '\u0000'),
    );
    fc.assert(
      fc.property(nasty, nasty, nasty, (module, message, value) => {
        log.child({ policy: value }).info({ module, value }, message);
        const { text } = lines;
        const [line = '', ...others] = lines.take();
        expect(others).toEqual([]);
        expect(text.indexOf('\n')).toBe(text.length - 1);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there.
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        expect(line).toMatch(/^INFO: [^\s:]*: /);
      }),
      { numRuns: 200 },
    );
  });
});

describe('json', () => {
  test('a line is an object with level name, ISO time and fields', () => {
    const { log, lines } = logTo('json');
    log.child({ module: 'm', policy: 'a\nb' }).warn({ n: 1 }, 'x\ny');
    const [line = ''] = lines.take();
    const { time, ...rest } = JSON.parse(line);
    expect(rest).toEqual({ level: 'warn', module: 'm', policy: 'a\nb', n: 1, msg: 'x\ny' });
    expect(new Date(time).toISOString()).toBe(time);
  });

  test('of an error only its own words are written, not what a library hung on it', () => {
    const { log, lines } = logTo('json');
    const error = Object.assign(new Error('unauthenticated'), {
      metadata: { authorization: 'Bearer t0ken' },
    });
    log.error({ err: error }, 'x');
    const [line = ''] = lines.take();
    expect(JSON.parse(line).err).toEqual({ type: 'Error', message: 'unauthenticated', stack: error.stack });
  });
});

describe('pretty', () => {
  test('a line has no colours where no terminal is, and no controls of others anywhere', () => {
    const { log, lines } = logTo('pretty');
    log.child({ module: 'm' }).info({ policy: 'p' }, 'x\n\u001b[31my');
    expect(lines.take()).toEqual([
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: m: x\\n\\u001b\[31my \{"policy":"p"\}$/),
    ]);
  });

  test('auto is pretty on a terminal and text elsewhere', () => {
    const terminal = logTo('auto', { isTTY: true });
    terminal.log.info('x');
    expect(terminal.lines.text).toMatch(/INFO/);
    expect(terminal.lines.text).toContain('\u001b[');
    const pipe = logTo('auto');
    pipe.log.info('x');
    expect(pipe.lines.take()).toEqual(['INFO: x']);
  });
});

describe("the daemon's own secrets", () => {
  const secret = 'p4ss"w\\rd&x';
  test.each(['text', 'json', 'pretty'] as const)('are in no line of the %s form', (format) => {
    const { log, lines } = logTo(format, { secrets: [secret, 'p4ss'] });
    log
      .child({ note: `<${secret}>` })
      .error({ err: new Error(`bad ${secret}`), list: [secret] }, `sent ${secret}`);
    expect(lines.text).toContain('sent ***');
    expect(lines.text).not.toContain('p4ss');
    expect(lines.text).not.toContain('rd&x');
  });

  test('a very short one takes no line apart', () => {
    const { log, lines } = logTo('json', { secrets: ['e', '', '"'] });
    log.info('hello');
    expect(JSON.parse(lines.text).msg).toBe('hello');
  });
});

test('everything is on stderr when the process ends at once, and a closed stderr stops nothing', () => {
  const modulePath = (name: string): string => fileURLToPath(new URL(`../../src/${name}`, import.meta.url));
  const script = `
    const { createLog } = await import(${JSON.stringify(modulePath('telemetry/log.ts'))});
    const { Stderr } = await import(${JSON.stringify(modulePath('telemetry/stderr.ts'))});
    const { systemClock } = await import(${JSON.stringify(modulePath('clock.ts'))});
    const log = createLog({ level: 'info', format: 'auto', destination: new Stderr(systemClock) });
    for (let i = 0; i < 1000; i += 1) log.info('line ' + i);
    if (process.argv[1] === 'closed') process.stdout.write('alive');
    process.exit(0);`;
  const flags = ['--input-type=module', '-e', script];
  const { stderr, stdout } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(stderr.split('\n')).toEqual([...Array.from({ length: 1_000 }, (_, i) => `INFO: line ${i}`), '']);

  const shell = spawnSync('sh', ['-c', 'exec "$0" "$@" 2>&-', process.execPath, ...flags, 'closed'], {
    encoding: 'utf8',
  });
  expect(shell.stdout).toBe('alive');
});
