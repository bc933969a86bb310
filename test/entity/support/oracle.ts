import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  type Registry,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  OneofDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { type FieldFact, readFact } from './facts.ts';

const SCALARS: Readonly<Record<string, FieldDescriptorProto_Type>> = {
  string: FieldDescriptorProto_Type.STRING,
  bytes: FieldDescriptorProto_Type.BYTES,
  bool: FieldDescriptorProto_Type.BOOL,
  double: FieldDescriptorProto_Type.DOUBLE,
  int32: FieldDescriptorProto_Type.INT32,
  int64: FieldDescriptorProto_Type.INT64,
  uint32: FieldDescriptorProto_Type.UINT32,
  fixed32: FieldDescriptorProto_Type.FIXED32,
  fixed64: FieldDescriptorProto_Type.FIXED64,
};

const entryName = (field: FieldFact): string =>
  `${field.name.replace(/(^|_)(\w)/g, (_, _separator, letter: string) => letter.toUpperCase())}Entry`;

function typeOf(
  type: string,
  enums: ReadonlySet<string>,
): { type: FieldDescriptorProto_Type; typeName?: string } {
  const scalar = SCALARS[type];
  if (scalar !== undefined) return { type: scalar };
  const kind = enums.has(type) ? FieldDescriptorProto_Type.ENUM : FieldDescriptorProto_Type.MESSAGE;
  return { type: kind, typeName: `.${type}` };
}

function describeMessage(
  name: string,
  fields: readonly FieldFact[],
  enums: ReadonlySet<string>,
): DescriptorProto {
  const oneofs = [...new Set(fields.flatMap((field) => (field.oneof ? [field.oneof] : [])))];
  const optional = fields.filter((field) => field.label === 'optional');
  const field = (fact: FieldFact): FieldDescriptorProto => {
    const many = fact.label === 'repeated' || fact.label === 'map';
    const member = fact.oneof ? oneofs.indexOf(fact.oneof) : oneofs.length + optional.indexOf(fact);
    return create(FieldDescriptorProtoSchema, {
      name: fact.name,
      number: fact.number,
      label: many ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
      ...(fact.label === 'map'
        ? { type: FieldDescriptorProto_Type.MESSAGE, typeName: `.${name}.${entryName(fact)}` }
        : typeOf(fact.type, enums)),
      ...(fact.oneof || fact.label === 'optional' ? { oneofIndex: member } : {}),
      proto3Optional: fact.label === 'optional',
    });
  };
  const entry = (fact: FieldFact): DescriptorProto =>
    create(DescriptorProtoSchema, {
      name: entryName(fact),
      options: { mapEntry: true },
      field: [
        { name: 'key', number: 1, label: FieldDescriptorProto_Label.OPTIONAL, ...typeOf('string', enums) },
        { name: 'value', number: 2, label: FieldDescriptorProto_Label.OPTIONAL, ...typeOf(fact.type, enums) },
      ].map((part) => create(FieldDescriptorProtoSchema, part)),
    });
  return create(DescriptorProtoSchema, {
    name: shortName(name),
    field: fields.map(field),
    nestedType: fields.filter((fact) => fact.label === 'map').map(entry),
    oneofDecl: [...oneofs, ...optional.map((fact) => `_${fact.name}`)].map((oneof) =>
      create(OneofDescriptorProtoSchema, { name: oneof }),
    ),
  });
}

interface Facts {
  messages: Record<string, FieldFact[]>;
  enums?: Record<string, Record<string, number>>;
}

const packageOf = (name: string): string => name.slice(0, name.lastIndexOf('.'));
const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** The packages, each after those it uses. */
function packagesInOrder(facts: Facts): string[] {
  const order = new Set<string>();
  const visit = (name: string): void => {
    for (const [message, fields] of Object.entries(facts.messages)) {
      if (packageOf(message) !== name) continue;
      for (const other of fields.map((field) => packageOf(field.type))) {
        if (other !== name && other !== '' && !order.has(other)) visit(other);
      }
    }
    order.add(name);
  };
  for (const message of Object.keys(facts.messages)) visit(packageOf(message));
  order.delete('google.protobuf');
  return [...order];
}

/** Descriptors made of the facts alone: a second reading of them, by another library. */
function registryOf(factsFile: string): Registry {
  const facts = readFact<Facts>(factsFile);
  const enums = new Set(Object.keys(facts.enums ?? {}));
  const wellKnown = [file_google_protobuf_struct.proto, file_google_protobuf_timestamp.proto];
  const order = packagesInOrder(facts);
  const files = order.map((name, place) => {
    const messages = Object.entries(facts.messages).filter(([message]) => packageOf(message) === name);
    const choices = Object.entries(facts.enums ?? {}).filter(([choice]) => packageOf(choice) === name);
    return create(FileDescriptorProtoSchema, {
      name,
      package: name,
      syntax: 'proto3',
      dependency: [...wellKnown.map((file) => file.name), ...order.slice(0, place)],
      messageType: messages.map(([message, fields]) => describeMessage(message, fields, enums)),
      enumType: choices.map(([choice, values]) => ({
        name: shortName(choice),
        value: Object.entries(values).map(([value, number]) => ({ name: value, number })),
      })),
    });
  });
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...wellKnown, ...files] }));
}

export interface Oracle {
  /** The message as proto3 JSON with the schema's names. */
  decode(bytes: Uint8Array): JsonValue;
  /** The message of this JSON as bytes. */
  encode(json: unknown): Buffer;
}

/** A library's reader and writer of one message of the facts. */
export function oracleFor(message: string, factsFile = 'schema.json'): Oracle {
  const registry = registryOf(factsFile);
  const schema = registry.getMessage(message);
  if (!schema) throw new Error(`${factsFile} has no ${message}`);
  return oracleOf(schema, registry);
}

function oracleOf(schema: DescMessage, registry: Registry): Oracle {
  return {
    decode: (bytes) => toJson(schema, fromBinary(schema, bytes), { useProtoFieldName: true, registry }),
    encode: (json) => Buffer.from(toBinary(schema, fromJson(schema, json as JsonValue, { registry }))),
  };
}
