import type { Writable } from 'node:stream';
import { messageOf } from '../../errors.ts';
import { SinkError } from '../contract.ts';

/** Writes one document and a line end at once, so that documents of several runs never mix; resolves when it is out. */
export function writeToStdout(stdout: Writable, document: readonly Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(Buffer.concat([...document, Buffer.from('\n')]), (error) => {
      if (error) reject(new SinkError('rejected', `Dry run cannot write to stdout: ${messageOf(error)}`));
      else resolve();
    });
  });
}
