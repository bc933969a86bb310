import { madeLate } from '../../load-late.ts';
import type { Scrape } from './scrape.ts';
import type { MetricSources } from './sources.ts';

/** A scrape whose parts are loaded when the first one is asked for: most daemons are never scraped. */
export function lazyScrape(sources: MetricSources): Scrape {
  const made = madeLate(async () => {
    const { createScrape } = await import('./scrape.ts');
    return createScrape(sources);
  });
  return async () => {
    const scrape = await made();
    return await scrape();
  };
}
