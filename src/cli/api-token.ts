import type { ApiTokenOption } from '../options.ts';
import { tokenFault } from '../token-fault.ts';
import { InvalidValue, type OptionKind, referencedVariable, type Words } from './option-kinds.ts';

const FILE = 'file:';

/**
 * Tokens of the API, each given as itself, as `${NAME}` or as `file:PATH`. Nothing of a token is ever absent or taken
 * as it stands: an API that seems to be locked and is not would be worse than a daemon that does not start.
 */
export function apiTokens(words: Words): OptionKind<readonly ApiTokenOption[]> {
  return {
    ...words,
    credential: true,
    isNeverAbsent: true,
    fallback: [],
    read: (texts, env) => texts.map((text) => readToken(text, env)),
    readVariable: (text, env) => [readToken(text, env)],
  };
}

function readToken(text: string, env: NodeJS.ProcessEnv): ApiTokenOption {
  const name = referencedVariable(text);
  const value = name === undefined ? text : env[name];
  if (value === undefined) throw new InvalidValue(`there is no variable '${name}'`);
  if (value.startsWith(FILE)) return readFileName(value.slice(FILE.length));
  const fault = tokenFault(value);
  if (fault !== undefined) throw new InvalidValue(fault);
  return { kind: 'text', token: value };
}

function readFileName(path: string): ApiTokenOption {
  if (path.trim() === '' || path.includes('\0'))
    throw new InvalidValue(`${FILE} should be followed by a path`);
  return { kind: 'file', path };
}
