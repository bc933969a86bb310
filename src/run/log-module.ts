/** The `module` of a backend's log lines: the agent's form of a line has no blanks in it. */
export function logModuleOf(backend: string): string {
  return `backend.${backend.replaceAll(/\s+/g, '-')}`;
}
