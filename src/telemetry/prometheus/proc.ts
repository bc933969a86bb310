import { readFile } from 'node:fs/promises';
import { sizeInStatus } from '../../proc-status.ts';

/**
 * The sizes in a process's `/proc/PID/status`, in bytes; a function that knows none where there is no such file, as on
 * other systems than Linux, or when the process has just ended.
 */
export async function memorySizes(pid: number | 'self'): Promise<(field: string) => number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  return (field) => {
    const kibibytes = sizeInStatus(text, field);
    return kibibytes === undefined ? undefined : kibibytes * 1_024;
  };
}
