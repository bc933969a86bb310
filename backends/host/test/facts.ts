import { readFileSync } from 'node:fs';

/** The values that NetBox knows for a field, from the schema facts. */
export function allowedValues(field: string): ReadonlySet<string> {
  const file = new URL('../../../facts/diode/schema.json', import.meta.url);
  const { rules }: { rules: Record<string, { in?: string[] }> } = JSON.parse(readFileSync(file, 'utf8'));
  return new Set(rules[field]?.in);
}
