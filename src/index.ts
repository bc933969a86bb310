export {
  type Backend,
  type Description,
  defineBackend,
  type PolicyInput,
  type RunContext,
  type RunLog,
} from './backend/contract.ts';
export type { Entity } from './entity/types.ts';
