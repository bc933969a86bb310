export {
  type Backend,
  type Description,
  defineBackend,
  type PolicyContext,
  type PolicyInput,
  type RunContext,
  type RunLog,
} from './backend/contract.ts';
export type * from './entity/types.ts';
