import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const program = path.join(import.meta.dirname, '..', '..', '..', 'dist', 'main.js');
const backends = path.join(import.meta.dirname, '..', '..', 'support', 'backends');

/** How long the API may stand still: a machine that does other work, too, takes its part of this. */
const LONGEST_SILENCE_MS = 2_000;
const PROBE_EVERY_MS = 20;
const MOST_RSS_MIB = 400;
/** Files beyond those of the start: another child, a connection that is about to end. */
const MOST_MORE_FILES = 40;

/** The built program in a dry run, of which nothing is kept but what is wrong with it. */
export class FuzzedDaemon {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #files: number;
  #fault: string | undefined;
  #isWatched = true;

  private constructor(child: ChildProcess, folder: string, url: string) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
    this.#files = this.#openFiles;
    child.stderr?.on('data', (text: Buffer) => {
      const line = /^.*A request failed.*$/m.exec(text.toString());
      if (line !== null) this.#fault ??= line[0];
    });
    child.once('exit', (status, signal) => {
      if (this.#isWatched) this.#fault ??= `the daemon ended: ${status ?? signal}`;
    });
    void this.#watch();
  }

  static async start(): Promise<FuzzedDaemon> {
    const folder = mkdtempSync(path.join(tmpdir(), 'orb-worker-fuzz-'));
    const flags = ['--port', '0', '--dry-run', '-o', folder, '--backends-dir', backends];
    const child = spawn(process.execPath, [program, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    for await (const text of child.stderr.iterator({ destroyOnReturn: false })) {
      log += String(text);
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0];
      if (url !== undefined) return new FuzzedDaemon(child, folder, url);
    }
    throw new Error(`the daemon does not start: ${log}`);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Throws when it has done since the start what it never should. */
  check(): void {
    if (this.#fault !== undefined) throw new Error(this.#fault);
  }

  /** Deletes all policies, and the files of their runs. */
  async tidyUp(): Promise<void> {
    const answer = await fetch(`${this.url}/api/v1/policies`);
    const { policies } = (await answer.json()) as { policies: { name: string }[] };
    for (const { name } of policies) {
      await fetch(`${this.url}/api/v1/policies/${encodeURIComponent(name)}`, { method: 'DELETE' });
    }
    for (const file of readdirSync(this.#folder)) rmSync(path.join(this.#folder, file), { force: true });
  }

  /** Ends it; rejects when it holds more than it should after all. */
  async stop(): Promise<void> {
    await this.tidyUp();
    const more = this.#openFiles - this.#files;
    const rssMiB = Math.round(Number(/VmRSS:\s+(\d+)/.exec(this.#proc('status'))?.[1]) / 1024);
    this.#isWatched = false;
    this.#child.kill();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true });
    if (more > MOST_MORE_FILES) throw new Error(`the daemon holds ${more} files more than at its start`);
    if (rssMiB > MOST_RSS_MIB) throw new Error(`the daemon has grown to ${rssMiB} MiB`);
  }

  async #watch(): Promise<void> {
    while (this.#isWatched) {
      const startedAt = performance.now();
      const isAlive = await fetch(`${this.url}/healthz`).then(
        (answer) => answer.text(),
        () => undefined,
      );
      const tookMs = performance.now() - startedAt;
      if (isAlive === undefined && this.#isWatched) this.#fault ??= 'the daemon does not answer';
      if (tookMs > LONGEST_SILENCE_MS) this.#fault ??= `the API stood still for ${tookMs.toFixed(0)} ms`;
      await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
    }
  }

  get #openFiles(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length;
  }

  #proc(file: string): string {
    return readFileSync(`/proc/${this.#child.pid}/${file}`, 'utf8');
  }
}
