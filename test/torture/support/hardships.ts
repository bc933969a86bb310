import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { sharesOf } from '../../../src/state/bounds.ts';
import { descendantsOf, program, type RealDaemon } from '../../support/real-daemon.ts';
import type { Dice } from './dice.ts';
import { get } from './outcome.ts';
import { MANNERS, MOODS, type RecordingDiode } from './recording-diode.ts';

const LONGEST_MOOD_MS = 500;
const LONGEST_QUIET_MS = 1_500;
const LONGEST_START_MS = 600;
const LONGEST_DYING_MS = 500;
const CROWDING_LOOK_MS = 50;

/** Diode is well for half of the time. */
export async function changeMoods(diode: RecordingDiode, dice: Dice, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    diode.manner = dice.pick(MANNERS);
    diode.slownessMs = dice.between(10, LONGEST_MOOD_MS);
    await diode.become(dice.chance(0.4) ? 'well' : dice.pick(MOODS));
    await pause(dice.between(0, LONGEST_MOOD_MS));
  }
}

/** The least that a data directory may take. */
const SMALL_BYTES = 64 * 1024 * 1024;
/** Beyond that there is no room for one more batch. */
const CROWDED_BYTES = sharesOf(SMALL_BYTES).spool - 4 * 1024 * 1024;
const CROWDING_PATIENCE_MS = 20_000;

export const SMALL_FLAGS: readonly string[] = ['--data-max-bytes', `${SMALL_BYTES}`];

/** Resolves with true when backends are held back: there is no room for what they yield. */
export async function isCrowded(daemon: RealDaemon): Promise<boolean> {
  const deadline = performance.now() + CROWDING_PATIENCE_MS;
  while (performance.now() < deadline) {
    const { delivery } = await get<{ delivery: { waiting_bytes: number } }>(daemon, '/api/v1/status');
    if (delivery.waiting_bytes > CROWDED_BYTES) return true;
    await pause(CROWDING_LOOK_MS);
  }
  return false;
}

/** Now and then it stands still as a whole, and goes on. */
export async function freeze(
  { process: daemon }: RealDaemon,
  dice: Dice,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(dice.between(0, LONGEST_QUIET_MS));
    if (signal.aborted) return;
    daemon.kill('SIGSTOP');
    await pause(dice.between(0, LONGEST_MOOD_MS));
    daemon.kill('SIGCONT');
  }
}

/** Now and then one of its children is killed. */
export async function hurt({ process: daemon }: RealDaemon, dice: Dice, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(dice.between(0, LONGEST_QUIET_MS));
    if (signal.aborted) return;
    try {
      process.kill(dice.pick(descendantsOf(daemon.pid ?? 0)), 'SIGKILL');
    } catch {
      // There is none, or it is gone.
    }
  }
}

/** A daemon that is killed before it listens, or just after. */
export async function dieAtStart(flags: readonly string[], dice: Dice): Promise<void> {
  const child = spawn(process.execPath, [program, '--port', '0', ...flags], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  await pause(dice.between(0, LONGEST_START_MS));
  child.kill('SIGKILL');
  await exited;
}

/** Asked to end, which may be cut short. */
export async function stop(daemon: RealDaemon, dice: Dice): Promise<void> {
  const isCutShort = dice.chance(0.5);
  const afterMs = dice.between(0, LONGEST_DYING_MS);
  const timer = isCutShort ? setTimeout(() => daemon.process.kill('SIGKILL'), afterMs) : undefined;
  const status = await daemon.stop('SIGTERM');
  clearTimeout(timer);
  if (status !== 0 && !(isCutShort && status === 'SIGKILL'))
    throw new Error(`the daemon ended with ${status}`);
}
