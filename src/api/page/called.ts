import type { Method, Operation, Parameter, PathItem } from '../openapi/types.ts';

/** An operation with all that it is called by. */
export interface Called {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly parameters: readonly Parameter[];
}

/** The operations of a path, in the order in which they are described. */
export function operationsOf(path: string, { parameters = [], ...methods }: PathItem): Called[] {
  return (Object.entries(methods) as [Method, Operation][]).map(([method, operation]) => ({
    id: `${method}${path.replace(/\W+/g, '-')}`,
    method: method.toUpperCase(),
    path,
    operation,
    parameters: [...parameters, ...(operation.parameters ?? [])],
  }));
}
