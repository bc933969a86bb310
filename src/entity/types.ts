// Replaced by generated types.
export type Entity = Record<string, unknown>;
