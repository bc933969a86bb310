import type { Logger } from 'pino';
import type { Clock } from '../../clock.ts';
import type { ApiTokenOption } from '../../options.ts';
import type { Secrets } from '../../secrets.ts';
import { tokenFault } from '../../token-fault.ts';
import { FileWatch } from './file-watch.ts';
import { LockFault, type LockFile } from './lock-file.ts';
import { type Rights, TokenTable } from './token-table.ts';

export interface TokenOptions {
  /** `--api-token`. */
  readonly apiTokens: readonly ApiTokenOption[];
  /** `--api-read-token`. */
  readonly apiReadTokens: readonly ApiTokenOption[];
}

interface Surroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly secrets: Secrets;
}

/** One flag's tokens: those of a file change with it. */
interface Source {
  readonly rights: Rights;
  tokens: readonly string[];
}

/** The tokens that open the API. A file that cannot be used any more lets nobody in: it may have been emptied to that end. */
export class ApiTokens {
  readonly #surroundings: Surroundings;
  readonly #sources: Source[] = [];
  readonly #watches: FileWatch[] = [];
  #table = new TokenTable([]);

  private constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Rejects with a {@link LockFault} for a file that cannot be used. */
  static async read(options: TokenOptions, surroundings: Surroundings): Promise<ApiTokens> {
    const tokens = new ApiTokens(surroundings);
    try {
      for (const option of options.apiTokens) await tokens.#add(option, 'full', '--api-token');
      for (const option of options.apiReadTokens) await tokens.#add(option, 'read', '--api-read-token');
    } catch (error) {
      tokens.stop();
      throw error;
    }
    tokens.#changed();
    return tokens;
  }

  /** False: nobody was ever to have one. */
  get areAsked(): boolean {
    return this.#sources.length > 0;
  }

  rightsOf(candidate: string): Rights | undefined {
    return this.#table.rightsOf(candidate);
  }

  /** What is wrong with their files now. */
  faults(): readonly string[] {
    return this.#watches.flatMap(({ fault }) =>
      fault === undefined ? [] : [`${fault.message} (it lets nobody in)`],
    );
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
  }

  async #add(option: ApiTokenOption, rights: Rights, flag: string): Promise<void> {
    const source: Source = { rights, tokens: [] };
    this.#sources.push(source);
    if (option.kind === 'text') source.tokens = [option.token];
    else await this.#watch(source, { flag, path: option.path });
  }

  async #watch(source: Source, file: LockFile): Promise<void> {
    const { clock, log } = this.#surroundings;
    const about = { module: 'api', file: file.path };
    const watch = await FileWatch.start({
      clock,
      files: [file],
      use: ([content = Buffer.alloc(0)]) => {
        source.tokens = parseTokens(file, content);
        this.#changed();
        log.info(about, `${file.flag}: ${source.tokens.length} in its file`);
      },
      onFault: (fault) => {
        source.tokens = [];
        this.#changed();
        log.error(about, `${fault.message}: it lets nobody in`);
      },
    });
    this.#watches.push(watch);
  }

  #changed(): void {
    const known = this.#sources.flatMap(({ rights, tokens }) => tokens.map((token) => ({ token, rights })));
    this.#table = new TokenTable(known);
    this.#surroundings.secrets.keep(
      'api tokens',
      known.map(({ token }) => token),
    );
  }
}

/** A token a line, so that an old and a new one may be good at the same time. */
function parseTokens(file: LockFile, content: Buffer): readonly string[] {
  const lines = content.toString().split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    const fault = line === '' ? undefined : tokenFault(line);
    if (fault !== undefined) throw new LockFault(file, `${fault}, in line ${index + 1}`);
  }
  const tokens = lines.filter((line) => line !== '');
  if (tokens.length === 0) throw new LockFault(file, 'it is empty');
  return tokens;
}
