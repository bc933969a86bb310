import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The texts of the README's fenced blocks of a language, in order. */
export function blocksOf(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms');
  return Array.from(readme.matchAll(fence), ([, text]) => text ?? '');
}

/** First cells of the rows of the table below a heading, without the head. */
export function firstCells(heading: string): string[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| ') || line.startsWith('|-'));
  return rows.slice(2).map((row) => row.split('|')[1]?.trim() ?? '');
}
