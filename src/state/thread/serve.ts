import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../errors.ts';
import { type StateBounds, sharesOf } from '../bounds.ts';
import {
  type Answer,
  CALL_KINDS,
  type Call,
  type FromThread,
  type Meter,
  nameOfKey,
  type ToThread,
} from '../calls.ts';
import { diskFaultOf } from '../database/faults.ts';
import { NewerSchemaError } from '../database/migrations.ts';
import { companionsOf, sizeOf, stateFilesIn } from '../files.ts';
import { ForeignDatabaseError } from '../repair/find-damage.ts';
import { Mender } from '../repair/mender.ts';
import { giveToOwner } from '../repair/owners.ts';
import { isOfThisBoot } from './boot.ts';
import { bytesOf, groupsOf } from './groups.ts';
import { DirectoryError, type HeldDirectory, holdDirectory } from './hold-directory.ts';
import { PlaceError } from './place.ts';
import { Reserve } from './reserve.ts';
import { SteadyStore } from './steady-store.ts';
import type { TableCall } from './store.ts';
import { Unwritten } from './unwritten.ts';

/** What the thread is told when it is started. */
export interface ThreadOptions {
  readonly directory: string;
  readonly bounds: StateBounds;
}

/** Opens the data directory that the thread was started for, and does what it is asked to until it is told to end. */
export function serve(): void {
  const port = parentPort;
  if (!port) throw new Error('this file runs in a thread of its own');
  const options: ThreadOptions = workerData;
  const tell = (message: FromThread): void => port.postMessage(message);
  try {
    new Server(options, port).listen();
  } catch (error) {
    tell({ kind: 'refused', message: startFault(options.directory, error) });
    port.close();
  }
}

function startFault(directory: string, error: unknown): string {
  if (error instanceof DirectoryError) return error.message;
  if (error instanceof NewerSchemaError || error instanceof ForeignDatabaseError)
    return `the data directory ${directory} cannot be used: ${error.message}`;
  return `the data directory ${directory} cannot be used: ${diskFaultOf(error) ?? messageOf(error)}`;
}

/** Commits in groups: whatever has come while the last group was written is the next one. */
class Server {
  readonly #port: MessagePort;
  /** Those whose size matters. */
  readonly #weighty: readonly string[];
  readonly #mostGroupBytes: number;
  readonly #held: HeldDirectory;
  readonly #mender: Mender;
  readonly #unwritten = new Unwritten();
  readonly #steady: SteadyStore;
  #commits = 0;
  #commitMs = 0;
  #isClosing = false;
  /** When upkeep was last asked for, epoch ms. */
  #now = 0;

  constructor({ directory, bounds }: ThreadOptions, port: MessagePort) {
    const files = stateFilesIn(directory);
    const { log: mostLogBytes } = sharesOf(bounds.dataMaxBytes);
    this.#port = port;
    this.#mostGroupBytes = mostLogBytes / 2;
    this.#weighty = [files.database, ...companionsOf(files.database), files.reserve];
    const reserve = new Reserve(files.reserve, mostLogBytes / 4);
    reserve.giveUpIfFull();
    const held = holdDirectory(directory, files);
    this.#held = held;
    const { owner, before } = held;
    const mender = new Mender({
      directory,
      files,
      mostLogBytes,
      isSameBoot: isOfThisBoot(files.database, before, owner),
      wasUsed: before !== undefined,
    });
    this.#mender = mender;
    try {
      this.#steady = new SteadyStore({ database: files.database, bounds, mender, held, reserve });
      giveToOwner(directory, files);
    } catch (error) {
      held.release();
      throw error;
    }
  }

  listen(): void {
    this.#port.on('message', (first: ToThread) => this.#take([first, ...this.#others()]));
    this.#tell({ kind: 'opened', meter: this.#meter() });
  }

  #others(): ToThread[] {
    const others: ToThread[] = [];
    for (let next = receiveMessageOnPort(this.#port); next; next = receiveMessageOnPort(this.#port)) {
      others.push(next.message);
    }
    return others;
  }

  #take(messages: readonly ToThread[]): void {
    const calls = messages.flatMap((message) => (message === 'close' ? [] : message));
    for (const group of groupsOf(calls, this.#mostGroupBytes)) {
      this.#report(this.#answer(group));
    }
    if (messages.includes('close')) this.#close();
  }

  #answer(group: readonly Call[]): Answer[] {
    const calls = group.filter((call) => !isUpkeep(call));
    const answers = this.#steady.fault === '' ? this.#write(calls) : this.#refuse(calls);
    for (const call of group) {
      if (call.name === 'upkeep.probe') this.#probe();
      if (call.name === 'upkeep.begin') this.#beginUpkeep(call.parameters[0]);
      if (isUpkeep(call)) answers.push({ number: call.number, kind: 'done', value: undefined });
    }
    if (this.#steady.current?.upkeep.isRoomWanted) this.#beginUpkeep(this.#now);
    return answers;
  }

  #write(calls: readonly TableCall[]): Answer[] {
    if (calls.length === 0) return [];
    const store = this.#steady.current;
    if (!store) return this.#refuse(calls);
    const isSynced = calls.some(({ name }) => CALL_KINDS[name] === 'kept');
    try {
      const answers = this.#steady.use(() => this.#measured(() => store.transact(calls, isSynced)));
      this.#noteMadeGood(calls, answers);
      if (store.refusedBytes > 0) this.#steady.noteFull(store.refusedBytes);
      return answers;
    } catch (error) {
      this.#steady.noteFault(
        error,
        calls.reduce((sum, call) => sum + bytesOf(call), 0),
      );
      return this.#refuse(calls);
    }
  }

  /** Policies that damage had taken are there again. */
  #noteMadeGood(calls: readonly TableCall[], answers: readonly Answer[]): void {
    const done = new Set(answers.filter(({ kind }) => kind === 'done').map(({ number }) => number));
    for (const call of calls)
      if (call.name === 'policies.saveAgain' && done.has(call.number))
        this.#mender.noteMadeGood(namesIn(call));
  }

  /** While nothing can be written: what is only noted waits, what can be read is read; what gives room back is tried. */
  #refuse(calls: readonly TableCall[]): Answer[] {
    const done = this.#giveRoom(calls.filter(givesRoom));
    const answered = new Set(done.map(({ number }) => number));
    const rest = calls.filter(({ number }) => number === 0 || !answered.has(number));
    return [...done, ...rest.flatMap((call) => this.#refuseOne(call))];
  }

  #refuseOne(call: TableCall): Answer[] {
    if (call.name === 'history.write') {
      this.#unwritten.add(call);
      return [];
    }
    if (CALL_KINDS[call.name] === 'read' && this.#steady.current) return [this.#steady.current.read(call)];
    return [{ number: call.number, kind: 'unavailable', message: this.#steady.fault }];
  }

  /** On a full disk: else what was acknowledged would stay for want of room to write that down. */
  #giveRoom(calls: readonly TableCall[]): Answer[] {
    if (calls.length === 0) return [];
    const answers = this.#steady.giveRoom((store) => this.#measured(() => store.transact(calls, true)));
    if (answers) return answers;
    // One that takes too much of the log for now, a batch that is cut, does not keep the others.
    return calls.length > 1 ? calls.flatMap((call) => this.#giveRoom([call])) : [];
  }

  #probe(): void {
    this.#steady.probe((store) => {
      store.transact(this.#unwritten.calls, true);
      this.#unwritten.clear();
    });
  }

  #beginUpkeep(now: number): void {
    this.#now = now;
    if (this.#steady.fault === '') this.#steady.lookAfterDirectory();
    const store = this.#steady.current;
    if (this.#steady.fault !== '' || !store || store.upkeep.isAtWork) return;
    store.upkeep.begin(now);
    setImmediate(() => this.#maintain());
  }

  /** A step between two groups. */
  #maintain(): void {
    const store = this.#steady.current;
    if (!store?.upkeep.isAtWork || this.#isClosing) return;
    try {
      this.#steady.use(() => store.maintain());
      if (store.upkeep.isAtWork) {
        setImmediate(() => this.#maintain());
        return;
      }
      this.#steady.use(() => store.checkpoint());
      this.#report([]);
    } catch (error) {
      this.#report(this.#giveUpUpkeep(error));
    }
  }

  /** A fault of ours in it does not keep anything else from being kept. */
  #giveUpUpkeep(error: unknown): Answer[] {
    this.#steady.current?.upkeep.abandon();
    if (diskFaultOf(error) === undefined && !(error instanceof PlaceError)) {
      return [
        {
          number: 0,
          kind: 'failed',
          message: `what is beyond the bounds could not be dropped: ${messageOf(error)}`,
        },
      ];
    }
    this.#steady.noteFault(error, 0);
    return [];
  }

  #close(): void {
    this.#isClosing = true;
    try {
      if (this.#steady.fault !== '') this.#probe();
      this.#steady.close();
    } catch {
      // What could not be written was told to whoever waited for it.
    }
    this.#held.release();
    this.#port.close();
  }

  #measured<T>(work: () => T): T {
    const begin = performance.now();
    const result = work();
    this.#commits++;
    this.#commitMs += performance.now() - begin;
    return result;
  }

  #meter(): Meter {
    return {
      fault: this.#steady.fault,
      warning: this.#mender.warning,
      repairs: this.#mender.repairs,
      fileBytes: this.#weighty.reduce((sum, file) => sum + sizeOf(file), 0),
      waitingBytes: this.#steady.current?.waitingBytes ?? 0,
      letterCount: this.#steady.current?.letterCount ?? 0,
      droppedLetters: this.#steady.current?.droppedLetters ?? 0,
      commits: this.#commits,
      commitMs: this.#commitMs,
    };
  }

  #report(answers: readonly Answer[]): void {
    this.#tell({ kind: 'reply', answers, meter: this.#meter() }, buffersOf(answers));
  }

  #tell(message: FromThread, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}

function namesIn({ parameters: [rows] }: Call<'policies.saveAgain'>): readonly string[] {
  return rows.map(({ name }) => nameOfKey(name));
}

/** Takes some of the log, and leaves the file with less in it. */
function givesRoom({ name }: TableCall): boolean {
  return name === 'batches.settle' || name === 'letters.drop' || name === 'policies.remove';
}

function isUpkeep(call: Call): call is Exclude<Call, TableCall> {
  return CALL_KINDS[call.name] === 'upkeep';
}

/** Bytes that an answer brings along go over without being copied. */
function buffersOf(answers: readonly Answer[]): ArrayBuffer[] {
  return answers.flatMap((answer) => {
    if (answer.kind !== 'done' || typeof answer.value !== 'object' || answer.value === null) return [];
    const bytes = 'bytes' in answer.value ? answer.value.bytes : answer.value;
    return bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
  });
}
