import fc from 'fast-check';

// The same inputs every time, so that a red run is red for its change; `npm run fuzz` looks for new ones.
fc.configureGlobal({ seed: Number(process.env.PROPERTY_SEED ?? 20_261_123) });
