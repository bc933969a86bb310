import type { Backend, Description } from '../contract.ts';
import { shorten } from '../messages.ts';

/** A description that lacks something; its text is for the reply. */
export class DescriptionError extends Error {
  override readonly name = 'DescriptionError';
}

const REQUIRED = ['name', 'app_name', 'app_version'] as const;

/** Asks a backend to describe itself; rejects with what it throws, or with a {@link DescriptionError}. */
export async function describeBackend(backend: Backend): Promise<Description> {
  const answer: unknown = await backend.describe();
  if (typeof answer !== 'object' || answer === null) {
    throw new DescriptionError('describe() returned no object');
  }
  const given = answer as Record<string, unknown>;
  const [name, app_name, app_version] = REQUIRED.map((key) => nonEmptyText(given, key));
  const { description } = given;
  return {
    name: name ?? '',
    app_name: app_name ?? '',
    app_version: app_version ?? '',
    ...(typeof description === 'string' ? { description: shorten(description) } : {}),
  };
}

function nonEmptyText(given: Record<string, unknown>, key: string): string {
  const value = given[key];
  if (typeof value === 'string' && value !== '') return shorten(value);
  const got = value === '' ? 'an empty string' : value === undefined ? 'nothing' : typeof value;
  throw new DescriptionError(`describe() must return a non-empty string as '${key}', got ${got}`);
}
