import type { Scrape } from './scrape.ts';
import type { MetricSources } from './sources.ts';

/** A scrape whose parts are loaded when the first one is asked for: most daemons are never scraped. */
export function lazyScrape(sources: MetricSources): Scrape {
  let created: Promise<Scrape> | undefined;
  return async () => {
    created ??= import('./scrape.ts').then(({ createScrape }) => createScrape(sources));
    const scrape = await created;
    return await scrape();
  };
}
