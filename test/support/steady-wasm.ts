/**
 * A flag for processes with several threads that read TypeScript. Node strips its types in WebAssembly, and V8 may crash
 * when threads replace the shared wrapper of an import at the same moment: with it, none is ever replaced.
 */
export const STEADY_WASM = '--wasm-wrapper-tiering-budget=1000000000';
