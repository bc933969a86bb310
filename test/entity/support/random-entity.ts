import fc from 'fast-check';
import { type FieldFact, messages } from './facts.ts';

const schema = messages();

/** Messages inside each other, so that random entities end. */
const DEEPEST = 4;

const text = fc.oneof(
  { weight: 3, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ minLength: 100, maxLength: 300 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '\0', '"\\/', '\u2028', '\ufeff', 'é'.repeat(70), '🛰️', '__proto__'),
  },
);

const int64 = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 127, 128, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
);

const moment = fc
  .date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

const scalars: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text,
  int64,
  bool: fc.boolean(),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }),
  bytes: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  'google.protobuf.Timestamp': moment,
  'google.protobuf.Struct': fc.dictionary(text, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }),
};

function arbitraryOf(field: FieldFact, depth: number): fc.Arbitrary<unknown> {
  const one = scalars[field.type] ?? messageArbitrary(field.type, depth + 1);
  if (field.label === 'repeated') return fc.array(one, { maxLength: 3 });
  return field.label === 'map' ? fc.dictionary(text, one, { maxKeys: 3 }) : one;
}

/** These get more than is written in them. */
const INHERITING = ['diode.v1.VirtualMachine.device', 'diode.v1.VirtualMachine.cluster'];

const EXACTLY_ONE = /\.(CustomFieldValue|CustomFieldObjectReference|GenericObject)$/;

/** At most one member of each oneof: one choice, made before the values. */
function pickFields(type: string, depth: number): fc.Arbitrary<FieldFact[]> {
  const all = (schema[type] ?? []).filter((field) => !INHERITING.includes(`${type}.${field.name}`));
  const shallow = all.filter((field) => !field.type.startsWith('diode.'));
  const fields = depth < DEEPEST ? all : shallow;
  if (EXACTLY_ONE.test(type)) {
    return fc.constantFrom(...(fields.length > 0 ? fields : all)).map((field) => [field]);
  }
  const plain = fields.filter((field) => !field.oneof);
  const groups = [
    ...Map.groupBy(
      fields.filter((field) => field.oneof),
      (field) => field.oneof,
    ).values(),
  ];
  return fc
    .tuple(
      fc.subarray(plain, { maxLength: Math.min(6, plain.length) }),
      ...groups.map((members) => fc.subarray(members, { maxLength: 1 })),
    )
    .map((parts) => parts.flat());
}

function messageArbitrary(type: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  return pickFields(type, depth).chain((fields) =>
    fc.record(Object.fromEntries(fields.map((field) => [field.name, arbitraryOf(field, depth)]))),
  );
}

const kinds = (schema['diode.v1.Entity'] ?? []).filter((field) => field.oneof);

/** Entities of every kind, written in full, that Diode's ingester can read. */
export const randomEntity: fc.Arbitrary<Record<string, unknown>> = fc
  .constantFrom(...kinds)
  .chain((kind) =>
    fc.record({ timestamp: moment, [kind.name]: messageArbitrary(kind.type, 0) }, { noNullPrototype: false }),
  );
