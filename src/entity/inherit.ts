import { type InheritRule, inheritance, primaryFields } from '../generated/tables.ts';
import { fieldsOf } from './schema.ts';

type Fields = Record<string, unknown>;

/** What became of the names that are no fields; `steps` lead to the name. */
export interface InheritReport {
  /** The name was given and there was nobody it could go to. */
  dropped(steps: readonly string[]): void;
  /** The name was given, and who it would go to has no field for it. Throws. */
  impossible(steps: readonly string[], rule: InheritRule): never;
}

/**
 * A copy of `fields` in which nested objects have got what they inherit, and the names that are no fields are null.
 * Nested objects come first, so that what they inherit from their own parent is there before a rule asks for it.
 */
export function inherit(
  fields: Fields,
  message: string,
  report: InheritReport,
  steps: readonly string[] = [],
): Fields {
  const { rules, extras } = inheritance[message] ?? { rules: [], extras: {} };
  const copy = copyFields(fields);
  for (const target of new Set(rules.map((rule) => rule.target))) {
    const type = extras[target] ?? fieldsOf(message).find((field) => field.name === target)?.type;
    if (type !== undefined) copy[target] = resolve(copy[target], type, report, [...steps, target]);
  }
  for (const rule of rules) applyRule(copy, rule, report, [...steps, rule.from]);
  for (const extra of Object.keys(extras)) {
    const targets = rules.filter((rule) => rule.from === extra).map((rule) => copy[rule.target]);
    if (copy[extra] != null && targets.every((target) => target == null)) report.dropped([...steps, extra]);
  }
  for (const extra of Object.keys(extras)) copy[extra] = null;
  return copy;
}

/** The nested object as an object of its own that a rule may add to. */
function resolve(value: unknown, message: string, report: InheritReport, steps: readonly string[]): unknown {
  if (value == null || Array.isArray(value)) return value;
  if (typeof value !== 'object') {
    const primary = primaryFields[message];
    return primary === undefined ? value : { [primary]: value };
  }
  const fields = value as Fields;
  return message in inheritance ? inherit(fields, message, report, steps) : copyFields(fields);
}

/** What a walk over the keys sees: an object's own, and what is enumerable in its prototypes. */
function copyFields(fields: Fields): Fields {
  const copy: Fields = { ...fields };
  if (Object.getPrototypeOf(fields) === Object.prototype) return copy;
  for (const key in fields) if (key !== '__proto__') copy[key] = fields[key];
  return copy;
}

function applyRule(fields: Fields, rule: InheritRule, report: InheritReport, steps: readonly string[]): void {
  const value = fields[rule.from];
  const target = fields[rule.target];
  if (value == null || typeof target !== 'object' || target === null) return;
  if (rule.broken) report.impossible(steps, rule);
  const nested = target as Fields;
  if (rule.unless.every((name) => nested[name] == null)) nested[rule.field] = value;
}
