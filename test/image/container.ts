import { execFile, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

export const image = 'worker:develop';

const fromShell = promisify(execFile);

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface ContainerOptions {
  /** Of `docker run`. */
  readonly flags?: readonly string[];
  /** Default: the machine's. */
  readonly network?: 'none';
  readonly image?: string;
}

/** What `docker` prints; rejects with its complaint when it fails. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await fromShell('docker', args);
  return stdout.trim();
}

/** Runs a container to its end. */
export async function runToEnd(flags: readonly string[], command: readonly string[]): Promise<Answer> {
  const id = await docker('create', ...flags, image, ...command);
  try {
    await docker('start', id);
    const status = Number(await docker('wait', id));
    const { stdout, stderr } = await fromShell('docker', ['logs', id]);
    return { status, text: stdout + stderr };
  } finally {
    await docker('rm', '--force', id);
  }
}

/** A container in the background; disposing it removes it. */
export class Container implements AsyncDisposable {
  readonly id: string;

  private constructor(id: string) {
    this.id = id;
  }

  /** One that runs already. */
  static of(id: string): Container {
    return new Container(id);
  }

  static async start(command: readonly string[], options: ContainerOptions = {}): Promise<Container> {
    const { flags = [], network = 'host', image: name = image } = options;
    const usual = ['--detach', '--network', network, '--health-interval', '1s'];
    return new Container(await docker('run', ...usual, ...flags, name, ...command));
  }

  /** All that it has written. */
  async log(): Promise<string> {
    const { stdout, stderr } = await fromShell('docker', ['logs', this.id]);
    return stdout + stderr;
  }

  /** Resolves with the first line of its log, written before or after, that matches; rejects when it ends before. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const follower = spawn('docker', ['logs', '--follow', this.id], { stdio: ['ignore', 'pipe', 'pipe'] });
    const lines: string[] = [];
    try {
      return await new Promise((resolve, reject) => {
        for (const stream of [follower.stdout, follower.stderr]) {
          createInterface({ input: stream }).on('line', (line) => {
            lines.push(line);
            const match = pattern.exec(line);
            if (match !== null) resolve(match);
          });
        }
        follower.once('close', () => reject(new Error(`no line matches ${pattern}:\n${lines.join('\n')}`)));
      });
    } finally {
      follower.kill();
    }
  }

  /** Where the daemon in it listens. */
  async url(): Promise<string> {
    const [url] = await this.line(/(?<=Listening on )https?:\/\/\S+/);
    return url;
  }

  /** Applies a policy and resolves with its reply. */
  async apply(policies: Record<string, object>): Promise<Answer> {
    const reply = await fetch(`${await this.url()}/api/v1/policies`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-yaml' },
      body: JSON.stringify({ policies }),
    });
    return { status: reply.status, text: await reply.text() };
  }

  /** Applies a policy that runs once, and resolves with the line that its run ends with. */
  async runOnce(backend: string, scope: unknown, config: object = {}): Promise<string> {
    const reply = await this.apply({ [backend]: { config: { package: backend, ...config }, scope } });
    if (reply.status !== 201) throw new Error(reply.text);
    const [line] = await this.line(new RegExp(`Policy ${backend}: (?!.*(One-time run|Package)).*`));
    return line;
  }

  /** Runs a program in it. */
  async exec(...command: string[]): Promise<Answer> {
    try {
      return { status: 0, text: await docker('exec', this.id, ...command) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && 'stdout' in error)) throw error;
      return { status: Number(error.code), text: String(error.stdout).trim() };
    }
  }

  /** What `docker inspect` says, by a template. */
  inspect(template: string): Promise<string> {
    return docker('inspect', '--format', template, this.id);
  }

  /** Resolves once Docker calls it healthy, or unhealthy. */
  async becomes(health: string): Promise<void> {
    const filters = ['container', 'event'].map((name, at) => `${name}=${[this.id, 'health_status'][at]}`);
    const flags = filters.flatMap((filter) => ['--filter', filter]);
    const events = spawn('docker', ['events', '--since', '1', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      for await (const line of createInterface({ input: events.stdout })) {
        if (line.includes(`health_status: ${health} `)) return;
      }
    } finally {
      events.kill();
    }
  }

  /** All its processes as this machine sees them. */
  async processes(): Promise<{ pid: number; state: string; command: string }[]> {
    const table = await docker('top', this.id, '-eo', 'pid,stat,args');
    return table
      .split('\n')
      .slice(1)
      .map((row) => {
        const [, pid, state = '', command = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(row) ?? [];
        return { pid: Number(pid), state, command };
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync('docker', ['rm', '--force', '--volumes', this.id], { stdio: 'ignore' });
  }
}
