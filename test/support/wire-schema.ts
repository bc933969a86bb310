import { readFileSync } from 'node:fs';
import {
  create,
  createFileRegistry,
  type DescFile,
  type DescMessage,
  fromBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FileDescriptorProtoSchema,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

interface FieldFacts {
  readonly number: number;
  readonly name: string;
  readonly label: 'singular' | 'optional' | 'repeated' | 'map';
  readonly type: string;
  readonly key?: string;
  readonly oneof?: string;
}

interface SchemaFacts {
  readonly messages: Record<string, readonly FieldFacts[]>;
  readonly enums: Record<string, Record<string, number>>;
}

const scalars: Record<string, Type> = {
  string: Type.STRING,
  bytes: Type.BYTES,
  bool: Type.BOOL,
  double: Type.DOUBLE,
  int32: Type.INT32,
  int64: Type.INT64,
  uint32: Type.UINT32,
  fixed32: Type.FIXED32,
  fixed64: Type.FIXED64,
};

const wellKnown = [file_google_protobuf_struct, file_google_protobuf_timestamp];

/** Reads messages of one facts file by a general protobuf library: what a receiver makes of our bytes. */
export class WireSchema {
  readonly #messages: (name: string) => DescMessage | undefined;

  constructor(factsFile: string) {
    const url = new URL(`../../facts/diode/${factsFile}`, import.meta.url);
    const facts: SchemaFacts = JSON.parse(readFileSync(url, 'utf8'));
    const files = filesOf(facts);
    const registry = createFileRegistry(
      files[0] ?? create(FileDescriptorProtoSchema),
      (name): DescFile | ReturnType<typeof filesOf>[number] | undefined =>
        wellKnown.find((file) => `${file.name}.proto` === name) ?? files.find((file) => file.name === name),
    );
    this.#messages = (name) => registry.getMessage(name);
  }

  /** The message of this full name as proto3 JSON with the schema's own field names; throws when the bytes are none. */
  decode<T>(name: string, bytes: Uint8Array): T {
    const schema = this.message(name);
    return toJson(schema, fromBinary(schema, bytes), { useProtoFieldName: true }) as T;
  }

  /** The library's description of a message, for encoding with it. */
  message(name: string): DescMessage {
    const schema = this.#messages(name);
    if (schema === undefined) throw new Error(`the facts know no message ${name}`);
    return schema;
  }
}

/** A file for each package: the one with the services' requests first, each importing all others it may need. */
function filesOf(facts: SchemaFacts) {
  const names = [...Object.keys(facts.messages), ...Object.keys(facts.enums)];
  const packages = [...new Set(names.map(packageOf))].filter((name) => name !== 'google.protobuf');
  return packages.sort(byImports).map((name, index) =>
    create(FileDescriptorProtoSchema, {
      name: `${name}.proto`,
      package: name,
      syntax: 'proto3',
      dependency: [
        ...packages.slice(index + 1).map((other) => `${other}.proto`),
        ...wellKnown.map((file) => `${file.name}.proto`),
      ],
      messageType: Object.entries(facts.messages)
        .filter(([message]) => packageOf(message) === name)
        .map(([message, fields]) => describeMessage(message, fields, facts)),
      enumType: Object.entries(facts.enums)
        .filter(([type]) => packageOf(type) === name)
        .map(([type, values]) => ({
          name: shortName(type),
          value: Object.entries(values).map(([value, number]) => ({ name: value, number })),
        })),
    }),
  );
}

const importOrder = ['collector', 'logs', 'resource', 'common'];

function byImports(a: string, b: string): number {
  const rank = (name: string): number => importOrder.findIndex((part) => name.includes(part));
  return rank(a) - rank(b);
}

function describeMessage(name: string, fields: readonly FieldFacts[], facts: SchemaFacts): DescriptorProto {
  const oneofs = [...new Set(fields.flatMap((field) => field.oneof ?? []))];
  const nestedType: DescriptorProto[] = [];
  const field = fields.map((fact) => {
    const synthetic = fact.label === 'optional' && fact.oneof === undefined && fact.type in scalars;
    if (synthetic) oneofs.push(`_${fact.name}`);
    const group = synthetic ? `_${fact.name}` : fact.oneof;
    const entry = fact.label === 'map' ? mapEntry(fact, facts) : undefined;
    if (entry !== undefined) nestedType.push(entry);
    return {
      name: fact.name,
      number: fact.number,
      label: fact.label === 'repeated' || fact.label === 'map' ? Label.REPEATED : Label.OPTIONAL,
      ...(entry === undefined
        ? typeOf(fact.type, facts)
        : { type: Type.MESSAGE, typeName: `.${name}.${entry.name}` }),
      ...(group === undefined ? {} : { oneofIndex: oneofs.indexOf(group) }),
      ...(synthetic ? { proto3Optional: true } : {}),
    };
  });
  return create(DescriptorProtoSchema, {
    name: shortName(name),
    field,
    nestedType,
    oneofDecl: oneofs.map((oneof) => ({ name: oneof })),
  });
}

function mapEntry(fact: FieldFacts, facts: SchemaFacts): DescriptorProto {
  const camel = fact.name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return create(DescriptorProtoSchema, {
    name: `${camel}Entry`,
    options: { mapEntry: true },
    field: [
      { name: 'key', number: 1, label: Label.OPTIONAL, ...typeOf(fact.key ?? 'string', facts) },
      { name: 'value', number: 2, label: Label.OPTIONAL, ...typeOf(fact.type, facts) },
    ],
  });
}

function typeOf(type: string, facts: SchemaFacts): { type: Type; typeName?: string } {
  const scalar = scalars[type];
  if (scalar !== undefined) return { type: scalar };
  return { type: type in facts.enums ? Type.ENUM : Type.MESSAGE, typeName: `.${type}` };
}

function packageOf(fullName: string): string {
  return fullName.slice(0, fullName.lastIndexOf('.'));
}

function shortName(fullName: string): string {
  return fullName.slice(fullName.lastIndexOf('.') + 1);
}
