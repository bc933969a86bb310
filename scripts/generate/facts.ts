import { readFileSync } from 'node:fs';

/** One field of a message, as `facts/diode/schema.json` has it. */
interface FieldFact {
  number: number;
  name: string;
  label: 'singular' | 'optional' | 'repeated' | 'map';
  type: string;
  oneof?: string;
  deprecated?: boolean;
}

interface SchemaFacts {
  source: { package: string; version: string; netbox: string };
  messages: Record<string, FieldFact[]>;
  rules: Record<string, { in?: (string | number)[]; items?: { in?: string[] } }>;
}

interface BareValueFact {
  message: string;
  field: string;
  type: string;
}

interface InheritFact {
  from: string;
  to: string;
  unless_set: string;
  broken?: string;
}

interface ShorthandFacts {
  primary: Record<string, { field: string; type: string }>;
  extra_parameters: Record<string, Record<string, BareValueFact>>;
  inherit: Record<string, InheritFact[]>;
}

/** A field with its type's name cut to the last part: `Site`, `Timestamp`, `string`. */
export interface Field extends FieldFact {
  /** Values that NetBox allows, where the schema lists them. */
  suggestions: (string | number)[];
}

/** `from` of a message goes to `target.field` unless one of `unless` is set there. */
export interface InheritRule {
  from: string;
  target: string;
  field: string;
  unless: string[];
  broken: boolean;
}

export interface Message {
  name: string;
  /** By number. */
  fields: Field[];
  /** The field that a bare value fills. */
  primary: Field | undefined;
  /** Names an author may use that are no fields, with the message each stands for. */
  extras: Record<string, string>;
  inherit: InheritRule[];
}

export interface Facts {
  /** What the facts were taken from, in words. */
  source: string;
  /** What an `Entity` can hold, that included. */
  messages: Message[];
}

const PACKAGE = 'diode.v1.';
const shortName = (type: string): string => type.slice(type.lastIndexOf('.') + 1);

function readJson<Shape>(name: string): Shape {
  return JSON.parse(readFileSync(new URL(`../../facts/diode/${name}`, import.meta.url), 'utf8')) as Shape;
}

/** Reads the facts and brings schema and shorthands together, message by message. */
export function readFacts(): Facts {
  const schema = readJson<SchemaFacts>('schema.json');
  const shorthands = readJson<ShorthandFacts>('shorthands.json');
  const names = Object.keys(schema.messages).filter(
    (name) => name.startsWith(PACKAGE) && !name.startsWith(`${PACKAGE}Ingest`),
  );
  const { package: source, version, netbox } = schema.source;
  return {
    source: `${source} ${version}, NetBox ${netbox}`,
    messages: names.map((name) => readMessage(schema, shorthands, name)),
  };
}

function readMessage(schema: SchemaFacts, shorthands: ShorthandFacts, name: string): Message {
  const fields = (schema.messages[name] ?? []).map((fact) => ({
    ...fact,
    type: shortName(fact.type),
    suggestions: suggestionsFor(schema, `${name}.${fact.name}`),
  }));
  const primary = shorthands.primary[name]?.field;
  const extras = Object.entries(shorthands.extra_parameters[name] ?? {});
  return {
    name: shortName(name),
    fields: fields.sort((a, b) => a.number - b.number),
    primary: fields.find((field) => field.name === primary),
    extras: Object.fromEntries(extras.map(([extra, fact]) => [extra, shortName(fact.message)])),
    inherit: (shorthands.inherit[name] ?? []).map((fact) => readRule(schema, shorthands, name, fact)),
  };
}

function suggestionsFor(schema: SchemaFacts, field: string): (string | number)[] {
  const rule = schema.rules[field];
  return rule?.in ?? rule?.items?.in ?? [];
}

function readRule(
  schema: SchemaFacts,
  shorthands: ShorthandFacts,
  message: string,
  fact: InheritFact,
): InheritRule {
  const [target = '', field = ''] = fact.to.split('.');
  const targetMessage =
    shorthands.extra_parameters[message]?.[target]?.message ??
    schema.messages[message]?.find((other) => other.name === target)?.type ??
    '';
  const group = /^oneof \w+\.(\w+)$/.exec(fact.unless_set)?.[1];
  const members = (schema.messages[targetMessage] ?? []).filter((other) => group && other.oneof === group);
  return {
    from: fact.from,
    target,
    field,
    unless: group ? members.map((member) => member.name) : [field],
    broken: fact.broken !== undefined,
  };
}
