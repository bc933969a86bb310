import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { openDatabase, PAGE_BYTES } from '../database/open-database.ts';
import { companionsOf } from '../files.ts';
import { syncFile } from '../sync.ts';

/** Where the file's size in pages stands in its first page. */
const PAGE_COUNT_AT = 28;
const SMALL_LOG_BYTES = 1024 * 1024;

/**
 * Makes a copy of a database whose first page cannot be read, with the first page of a sound one: tables begin at the
 * same pages in all files of one schema version. What it says of free pages is forgotten, so it is good for reading only.
 * @param folder where the copy is made; returns its path.
 */
export function graftFirstPage(damaged: string, folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const template = join(folder, 'template.sqlite');
  openDatabase(template, SMALL_LOG_BYTES).close();
  const copy = join(folder, 'grafted.sqlite');
  copyFileSync(damaged, copy);
  const [from = ''] = companionsOf(damaged);
  const [to = ''] = companionsOf(copy);
  if (existsSync(from)) copyFileSync(from, to);
  putFirstPage(copy, firstPageOf(template), Math.max(pagesIn(damaged), pagesIn(template)));
  syncFile(copy);
  return copy;
}

function firstPageOf(file: string): Buffer {
  const page = Buffer.alloc(PAGE_BYTES);
  const descriptor = openSync(file, 'r');
  readSync(descriptor, page, 0, PAGE_BYTES, 0);
  closeSync(descriptor);
  return page;
}

function putFirstPage(file: string, page: Buffer, pages: number): void {
  page.writeUInt32BE(pages, PAGE_COUNT_AT);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, page, 0, PAGE_BYTES, 0);
  ftruncateSync(descriptor, pages * PAGE_BYTES);
  closeSync(descriptor);
}

function pagesIn(file: string): number {
  return Math.ceil(statSync(file).size / PAGE_BYTES);
}
