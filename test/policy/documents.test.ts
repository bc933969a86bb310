import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RequestError } from '../../src/errors.ts';
import { payloadOf, policyWith, read, readOne, refusalOf, rowsOf } from './read.ts';

interface Answer {
  readonly status: 201 | 400 | 403;
  readonly detail?: string;
  readonly rows?: readonly string[][];
  /** By name; only the names where JSON cannot say what Python made of the rest. */
  readonly policies?: Readonly<Record<string, unknown>> | readonly string[];
}

interface DocumentCase {
  readonly body?: string;
  /** In hexadecimal, of what is no UTF-8. */
  readonly bytes?: string;
  /** What the Python worker answered. */
  readonly upstream: Answer;
  /** What we answer on purpose, and why. */
  readonly ours?: Answer;
  readonly why?: string;
}

const documents = JSON.parse(
  readFileSync(new URL('corpus/documents.json', import.meta.url), 'utf8'),
) as readonly DocumentCase[];

describe('answers as the Python worker does', () => {
  test.each(documents.map((document) => [titleOf(document), document] as const))('%s', (_title, document) => {
    const expected = document.ours ?? document.upstream;
    const body = Buffer.from(document.body ?? document.bytes ?? '', document.bytes ? 'hex' : 'utf8');
    if (expected.status === 201) {
      expect(policiesOf(body, expected.policies)).toBe(JSON.stringify(expected.policies));
    } else {
      expect(refusalOf(body)).toMatchObject(asError(expected));
    }
  });
});

function titleOf({ body, bytes, why }: DocumentCase): string {
  const shown = JSON.stringify(body ?? bytes);
  return `${shown.length > 150 ? `${shown.slice(0, 150)}...` : shown}${why ? ` (ours: ${why})` : ''}`;
}

/** As JSON, so that the order counts and `__proto__` is a key like any other. */
function policiesOf(body: Buffer, expected: Answer['policies']): string {
  const drafts = read(body);
  if (Array.isArray(expected)) return JSON.stringify(drafts.map(({ name }) => name));
  const entries = drafts.map((draft) => [draft.name, payloadOf(draft)] as const);
  return JSON.stringify(Object.fromEntries(entries));
}

function asError({ status, detail, rows }: Answer): object {
  return {
    statusCode: status,
    ...(detail === undefined ? {} : { message: detail }),
    ...(rows && { rows: rows.map(([field, type, error]) => ({ field, type, error })) }),
  };
}

const INVALID_CRON = 'Value error, Invalid cron schedule format.';

describe('conformance cases about documents', () => {
  test.each(['abc', '', '* * * *', '61 * * * *', '0 24 * * *', '0 0 0 * *', '*/0 * * * *', '@reboot'])(
    '28: schedule %j is a row',
    (schedule) => {
      expect(rowsOf(policyWith({ config: `{package: pkg, schedule: "${schedule}"}` }))).toEqual([
        ['policies.p.config.schedule', 'value_error', INVALID_CRON],
      ]);
    },
  );

  test.each(['0 0 30 2 *', '2031-01-01', '2031-01-01 10:00:00', '0 0 0 1 1 * * *'])(
    '29: schedule %s, which never fires or is none, is a row',
    (schedule) => {
      expect(rowsOf(policyWith({ config: `{package: pkg, schedule: ${schedule}}` }))).toEqual([
        ['policies.p.config.schedule', 'value_error', INVALID_CRON],
      ]);
    },
  );

  test.each(['0 0 * * 7', '5/10 * * * *', '@daily', '0 0 L * *', '*/5 * * * * *'])(
    '29: schedule %s is accepted',
    (schedule) => {
      expect(readOne(policyWith({ config: `{package: pkg, schedule: "${schedule}"}` })).schedule).toBe(
        schedule,
      );
    },
  );

  test('30: schedule null is as absent', () => {
    expect(readOne(policyWith({ config: '{package: pkg, schedule: null}' })).schedule).toBeUndefined();
  });

  test('33: rows of every policy, in the order of the document', () => {
    const body = 'policies: {z: {config: {}, scope: 1}, "10": {config: x}, 9: [], a: {config: {package: 1}}}';
    expect(rowsOf(body).map(([field, type]) => `${field} ${type}`)).toEqual([
      'policies.z.config.package missing',
      'policies.10.config model_type',
      'policies.10.scope missing',
      'policies.9.[key] string_type',
      'policies.9 model_type',
      'policies.a.config.package string_type',
      'policies.a.scope missing',
    ]);
  });

  test('36: of a key that is given twice the last counts', () => {
    const config = '{package: 5, package: pkg}';
    expect(readOne(policyWith({ config })).packageName).toBe('pkg');
    expect(rowsOf(policyWith({ config: '{package: pkg, package: 5}' }))).toHaveLength(1);
  });

  test('37: anchors and merge keys', () => {
    const body =
      'base: &b {package: pkg, site: x}\npolicies: {p: {config: {<<: *b, site: y}, scope: 1}, q: {config: *b, scope: 2}}';
    expect(read(body).map((draft) => payloadOf(draft).config)).toEqual([
      { package: 'pkg', site: 'y' },
      { package: 'pkg', site: 'x' },
    ]);
  });

  test.each([
    'x'.repeat(10_000),
    'ünï☃',
    '😀',
    'a b',
    'a+b',
    'a%2Fb',
    'a?b',
    "it's",
    '',
    'a/b',
    'a\nb',
    '__proto__',
  ])('40, 41: any text is a name: %j', (name) => {
    const policy = { config: { package: 'pkg' }, scope: 1 };
    const body = `policies:\n  ? ${JSON.stringify(name)}\n  : ${JSON.stringify(policy)}`;
    expect(readOne(body).name).toBe(name);
  });

  test('42, 43: line breaks are dropped from the name a run sees and from the package, a lone \\r is not', () => {
    const body = String.raw`policies: {"a\nb\r\nc\rd": {config: {package: "PK\nG"}, scope: 1}}`;
    expect(readOne(body)).toMatchObject({ name: 'a\nb\r\nc\rd', runName: 'abc\rd', packageName: 'PKG' });
  });

  test('47: numbers and booleans of YAML 1.1', () => {
    const scope = '{a: 017, b: yes, c: 1_000, d: 0x1f, e: 1e3, f: "017"}';
    expect(payloadOf(readOne(policyWith({ scope }))).scope).toEqual({
      a: 15,
      b: true,
      c: 1000,
      d: 31,
      e: '1e3',
      f: '017',
    });
  });
});

test('half of a surrogate pair in a name is refused, in a value it is not', () => {
  const refusal = refusalOf(String.raw`policies: {"a\ud800": {config: {package: pkg}, scope: 1}}`);
  expect(refusal.statusCode).toBe(400);
  expect(refusal.message).toContain('surrogate');
  expect(payloadOf(readOne(policyWith({ scope: String.raw`"\ud800"` }))).scope).toBe('\ud800');
});

test('UTF-16 is read in both orders, with its mark', () => {
  const text = `\ufeff${policyWith({ scope: '"☃"' })}`;
  const littleEndian = Buffer.from(text, 'utf16le');
  for (const body of [littleEndian, Buffer.from(littleEndian).swap16()]) {
    expect(payloadOf(readOne(body)).scope).toBe('☃');
  }
});

test('what was written is shown as JSON knows it, what the backend gets is exact', () => {
  const draft = readOne(policyWith({ scope: '[9007199254740993, .inf, -.inf, .nan, 2020-01-01]' }));
  expect(JSON.stringify(draft.written.scope)).toBe('["9007199254740993",".inf","-.inf",".nan","2020-01-01"]');
  expect(payloadOf(draft).scope).toEqual([
    9007199254740993n,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
    '2020-01-01',
  ]);
});

test('__proto__ is a key like any other and pollutes nothing', () => {
  const draft = readOne(
    'policies: {__proto__: {config: {package: pkg, __proto__: {polluted: 1}}, scope: {__proto__: {polluted: 2}, constructor: 3}}}',
  );
  const { config, scope } = payloadOf(draft);
  expect(Object.keys(config)).toEqual(['package', '__proto__']);
  expect(JSON.stringify(scope)).toBe('{"__proto__":{"polluted":2},"constructor":3}');
  expect(JSON.stringify(draft.written.config)).toBe('{"package":"pkg","__proto__":{"polluted":1}}');
  expect(config).not.toHaveProperty('polluted');
  expect({}).not.toHaveProperty('polluted');
});

test('any JSON reaches the backend as it was written', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.string(), (scope, name) => {
      const text = JSON.stringify({ policies: { [name]: { config: { package: 'pkg' }, scope } } });
      fc.pre(
        !/\de[+-]?\d|\d{16}/i.test(text) && !/[\x7f-\x9f\ufffe\uffff]/.test(text) && name.isWellFormed(),
      );
      const draft = readOne(text);
      expect(draft.name).toBe(name);
      // JSON has no -0: what was written says 0.
      expect(payloadOf(draft).scope).toEqual(JSON.parse(JSON.stringify(scope)));
      expect(JSON.stringify(draft.written.scope)).toBe(JSON.stringify(scope));
    }),
  );
});

test('bytes of any kind are read or refused with a reply', () => {
  const pieces = fc.constantFrom(
    'policies',
    ': ',
    '{',
    '}',
    'a',
    '\n',
    '  ',
    'config',
    'scope',
    'run',
    'package',
    '${A}',
    '&a ',
    '*a',
    '<<: ',
    '- ',
    '"',
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.array(pieces, { maxLength: 60 }).map((texts) => Buffer.from(texts.join(''))),
    fc.array(pieces, { maxLength: 30 }).map((texts) => Buffer.from(policyWith({ config: texts.join('') }))),
  );
  fc.assert(
    fc.property(body, fc.constantFrom('network' as const, 'file' as const), (bytes, provenance) => {
      try {
        read(bytes, { provenance, env: { A: '1' } });
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
        expect([400, 403]).toContain((error as RequestError).statusCode);
      }
    }),
    { numRuns: 2_000 },
  );
});
