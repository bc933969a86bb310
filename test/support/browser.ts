import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Where Debian and others put it; `CHROMIUM` wins. */
const PLACES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
  '/usr/bin/google-chrome',
];

/** The machine's Chromium; undefined when there is none. */
export const chromiumPath: string | undefined = PLACES.find((place) => place !== '' && existsSync(place));

/** For the title of tests that need one. */
export const withBrowser: string =
  chromiumPath === undefined
    ? 'in a browser (skipped: no Chromium here; apt-get install chromium-headless-shell, or set CHROMIUM)'
    : 'in a browser';

/** A real browser without a window. */
export async function openBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error('there is no Chromium');
  return await chromium.launch({ executablePath: chromiumPath });
}
