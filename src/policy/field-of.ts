import type { Path } from './expand.ts';

/** `policies.NAME.scope.0`, as rows and warnings write it. */
export const fieldOf = (path: Path): string => path.join('.');
