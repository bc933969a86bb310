import type { OpenedLetter } from '../delivery/batch-store.ts';
import { entityTexts } from '../entity/read-batch.ts';
import type { DeadLetterReply } from './delivery-replies.ts';

/** Entities that are shown of a letter, and about how much of their JSON, in characters. */
const MOST_SHOWN = 100;
const LARGEST_SHOWN = 1_048_576;

/** A letter with its first entities, whose JSON is written as it is read. */
export function openedLetterText({ letter, batch }: OpenedLetter, reply: DeadLetterReply): string {
  const texts = firstTexts(entityTexts(batch.bytes, letter.encoding));
  const more = letter.entityCount - texts.length;
  return `${JSON.stringify(reply).slice(0, -1)},"entities":[${texts.join(',')}],"more_entities":${more}}`;
}

function firstTexts(all: Iterable<string>): string[] {
  const texts: string[] = [];
  let length = 0;
  for (const text of all) {
    length += text.length;
    if (texts.length > 0 && length > LARGEST_SHOWN) break;
    if (texts.push(text) === MOST_SHOWN) break;
  }
  return texts;
}
