import { integer, toggle } from '../option-kinds.ts';
import { OPTIONS } from '../options.ts';
import type { Kinds } from '../read-line.ts';
import type { GivenValues } from '../read-options.ts';

/** Where a daemon is and what it wants to be shown: its own flags and variables, read from the other side. */
export const clientOptions: Kinds = [
  ['host', { ...OPTIONS.host, help: 'Where the daemon is' }],
  ['port', { ...OPTIONS.port, help: 'The port that it listens on' }],
  ['apiToken', { ...OPTIONS.apiToken, help: 'Token to show it: itself, ${NAME}, or file:PATH' }],
  [
    'tlsCert',
    {
      ...OPTIONS.tlsCert,
      help: 'It speaks HTTPS: its own certificate (PEM), or those of the authorities to trust',
    },
  ],
  ['json', toggle({ help: "The daemon's reply as it is, for programs" })],
];

const limit = integer({ placeholder: 'N', help: 'How many to show', fallback: 100, min: 1, max: 1_000 });

/** Of commands that show pages. */
export const pageOptions: Kinds = [['limit', limit]];

export function takeLimit(given: GivenValues, env: NodeJS.ProcessEnv): number {
  const texts = given.get('limit');
  return (texts && limit.read(texts, env)) ?? limit.fallback;
}
