import { setTimeout as sleep } from 'node:timers/promises';

await sleep(1_000);
throw new Error('not today');
