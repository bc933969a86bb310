import { BadRequestError, ValidationError, type ValidationFinding } from '../errors.ts';
import { CronError, compileCron } from '../trigger/cron.ts';
import { type CheckedPolicy, policySchema } from './document-schema.ts';
import { type Environment, type Expansion, expand, type Path } from './expand.ts';
import { fieldOf } from './field-of.ts';
import { MAX_POLICIES, MAX_ROWS } from './limits.ts';
import { PlainConverter, type PlainValue } from './plain-value.ts';
import { dictType, invalidKey, missing, modelType, rowsOf, stringType, valueError } from './rows.ts';
import type { Steps } from './steps.ts';
import { isTimezone } from './timezone.ts';

const PARTS = ['config', 'scope', 'run'] as const;
type Part = (typeof PARTS)[number];
type Parts<Of> = Readonly<Record<Part, Of>>;

/** A policy with nothing wrong. */
export interface SoundPolicy {
  readonly name: string;
  /** As the YAML parser made it. */
  readonly source: ReadonlyMap<unknown, unknown>;
  /** `${NAME}` unexpanded; undefined: not written. */
  readonly written: Parts<PlainValue | undefined>;
  readonly expanded: Parts<Expansion | undefined>;
  readonly checked: CheckedPolicy;
}

/** What checking a document needs to know besides it. */
export interface CheckContext {
  readonly environment: Environment;
  /** Zone of schedules that name none. */
  readonly hostTimezone: string;
}

/**
 * Checks every policy of a document, one in a step.
 *
 * @param document what the YAML parser made of it, a map.
 * @throws ValidationError with all findings, in the document's order.
 * @throws BadRequestError for what is too large, or contains itself.
 */
export function* checkPolicies(
  document: ReadonlyMap<unknown, unknown>,
  context: CheckContext,
): Steps<readonly SoundPolicy[]> {
  const policies = document.get('policies');
  if (!document.has('policies')) throw new ValidationError([missing(['policies'])]);
  if (!(policies instanceof Map)) throw new ValidationError([dictType(['policies'])]);
  if (policies.size > MAX_POLICIES) {
    throw new BadRequestError(
      `the document has ${policies.size} policies: send at most ${MAX_POLICIES} at once`,
    );
  }
  const checker = new Checker(context);
  let rows: readonly ValidationFinding[] = [];
  const sound: SoundPolicy[] = [];
  for (const [key, policy] of policies) {
    yield;
    const base = ['policies', nameOf(key)];
    if (typeof key !== 'string') rows = [...rows, stringType([...base, '[key]'])];
    const result = checker.check(nameOf(key), policy, base);
    if ('rows' in result) rows = [...rows, ...result.rows];
    else sound.push(result);
    if (rows.length > MAX_ROWS) throw new ValidationError([...rows.slice(0, MAX_ROWS), andMore]);
  }
  if (rows.length > 0) throw new ValidationError(rows);
  return sound;
}

const andMore = valueError(['policies'], `More than ${MAX_ROWS} findings: the rest is left out.`);

/** A key as upstream's rows show it, where it is no text. */
function nameOf(key: unknown): string {
  if (key === null) return 'None';
  if (typeof key === 'boolean') return key ? '1' : '0';
  return String(key);
}

type Finding = { readonly rows: readonly ValidationFinding[] };

/** One for a document: remembers what its policies share. */
class Checker {
  readonly #context: CheckContext;
  readonly #converter = new PlainConverter();
  readonly #schedules = new Map<string, string>();

  constructor(context: CheckContext) {
    this.#context = context;
  }

  check(name: string, policy: unknown, base: Path): SoundPolicy | Finding {
    if (!(policy instanceof Map)) return { rows: [modelType(base, 'Policy')] };
    const written = forEachPart((part) => this.#convert(policy, part));
    const expanded = forEachPart((part) => this.#expand(written[part], [...base, part]));
    const input = forEachPart((part) => expanded[part]?.value);
    const result = policySchema.safeParse(input, { reportInput: true });
    const rows = PARTS.flatMap((part) => {
      const issues = result.error?.issues.filter((issue) => issue.path[0] === part) ?? [];
      const found = issues.flatMap((issue) => rowsOf(issue, base));
      const more = part === 'config' ? this.#configRows(policy.get(part), input, base) : [];
      return withRefusals([...found, ...more], expanded[part]);
    });
    if (rows.length > 0 || !result.success) return { rows };
    return { name, source: policy, written, expanded, checked: result.data };
  }

  #convert(policy: ReadonlyMap<unknown, unknown>, part: Part): PlainValue | undefined {
    return policy.has(part) ? this.#converter.convert(policy.get(part)) : undefined;
  }

  #expand(value: PlainValue | undefined, path: Path): Expansion | undefined {
    return value === undefined ? undefined : expand(value, path, this.#context.environment);
  }

  /** What the schema does not see: keys that are no text, and the schedule, whose zone lies in `run`. */
  #configRows(config: unknown, { config: expanded, run }: Parts<unknown>, base: Path): ValidationFinding[] {
    if (!(config instanceof Map)) return [];
    const rows: ValidationFinding[] = [];
    const schedule = textAt(expanded, 'schedule');
    const fault = schedule === undefined ? '' : this.#cronFault(schedule, textAt(run, 'timezone'));
    if (fault !== '') {
      // It quotes the schedule, which may have come out of the environment.
      const why = config.get('schedule') === schedule ? fault : undefined;
      rows.push(valueError([...base, 'config', 'schedule'], 'Invalid cron schedule format.', why));
    }
    for (const key of config.keys()) {
      if (typeof key !== 'string') rows.push(invalidKey([...base, 'config', nameOf(key)]));
    }
    return rows;
  }

  /** What is wrong with it; `''`: nothing. */
  #cronFault(expression: string, zone: string | undefined): string {
    const timezone = zone !== undefined && isTimezone(zone) ? zone : this.#context.hostTimezone;
    const key = `${timezone} ${expression}`;
    const known = this.#schedules.get(key);
    if (known !== undefined) return known;
    const fault = cronFaultOf(expression, timezone);
    this.#schedules.set(key, fault);
    return fault;
  }
}

function forEachPart<Of>(make: (part: Part) => Of): Parts<Of> {
  return { config: make('config'), scope: make('scope'), run: make('run') };
}

function textAt(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const text: unknown = Reflect.get(value, key);
  return typeof text === 'string' ? text : undefined;
}

function cronFaultOf(expression: string, timezone: string): string {
  try {
    compileCron(expression, timezone);
    return '';
  } catch (fault) {
    if (fault instanceof CronError) return fault.message;
    throw fault;
  }
}

/** A variable that may not be expanded is the one thing to say of a value. */
function withRefusals(
  found: readonly ValidationFinding[],
  expansion: Expansion | undefined,
): ValidationFinding[] {
  const refused = expansion?.refused ?? [];
  const fields = new Set(refused.map(({ path }) => fieldOf(path)));
  const refusals = refused.map(({ path, name }) =>
    valueError(
      path,
      `Policies that come over the network may not expand the environment variable '${name}': allow it with --allow-env.`,
    ),
  );
  return [...found.filter(({ field }) => !fields.has(field)), ...refusals];
}
