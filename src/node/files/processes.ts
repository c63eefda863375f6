import { readFileSync } from 'node:fs';

/**
 * Whether a process is running on this machine.
 *
 * @param start - Result of {@link startOf}, to distinguish another process with the same number.
 */
export function isRunning(pid: number, start?: string): boolean {
  try {
    process.kill(pid, 0); // sends nothing
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const found = statusOf(pid);
  if (found === undefined) return true;
  // a container without an init process keeps killed processes as zombies
  if (found.state === 'Z' || found.state === 'X') return false;
  return start === undefined || start === found.start;
}

/**
 * When a process started: boot id and clock ticks since; undefined if the system does not provide it (outside Linux).
 */
export function startOf(pid: number): string | undefined {
  return statusOf(pid)?.start;
}

function statusOf(pid: number): { state: string; start: string } | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // fields 3 and 22 of proc(5); field 2 is a name that may contain spaces and parentheses
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, start: `${boot} ${fields[19]!}` };
  } catch {
    return undefined;
  }
}
