import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import { giveBack } from '../give-back.ts';
import type { ChildWords } from './child-words.ts';
import { FrameReader } from './frames.ts';

export interface HearingOptions {
  readonly words: ChildWords;
  /** Nothing that it says counts any more. */
  readonly isOver: () => boolean;
  /** Called before what came is taken, whatever that is. */
  readonly onHeard: () => void;
  /** Called when what came was taken, and when the child has read what it was sent. */
  readonly onChange: () => void;
  /** Called with what it may not say. */
  readonly onLie: (reason: string) => void;
  /** Called when it will say nothing more. */
  readonly onClosed: () => void;
}

/** Has all that comes over a child's channel taken by its words, frame by frame. */
export function hearChild(channel: Socket, options: HearingOptions): void {
  const { words, isOver, onHeard, onChange, onLie, onClosed } = options;
  const reader = new FrameReader({
    limitOf: (kind) => words.limitOf(kind),
    onFrame: (kind, body) => words.take(kind, body),
  });
  channel.on('data', (chunk: Buffer) => {
    if (isOver()) return;
    onHeard();
    try {
      if (reader.push(chunk)) giveBack(chunk);
    } catch (error) {
      onLie(`broke the rules of its channel: ${messageOf(error)}`);
    }
    onChange();
  });
  channel.on('drain', onChange);
  channel.on('error', () => channel.destroy());
  channel.on('close', onClosed);
}
