import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * State of a process, and its start in clock ticks since boot (proc(5), fields 3 and 22), which tells a reused process
 * id apart.
 */
function statOf(pid: number): { readonly state?: string | undefined; readonly start?: string | undefined } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], start: fields[19] };
  } catch {
    return {};
  }
}

/** The machine's run and the container's process ids: within one of these a process id means one process. */
function placeOf(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot.slice(0, 8)}/${readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')}`;
  } catch {
    return '';
  }
}

/** `<host>|<place>|<process id>|<process start>`: who holds a lease. */
export const currentOwner = (): string =>
  [hostname().replaceAll('|', '_'), placeOf(), process.pid, statOf(process.pid).start ?? ''].join('|');

/**
 * Whether a holder is certainly dead: same host, and its machine was restarted, its process id is free, or another
 * process has it now. Of other hosts and containers nothing is certain; their leases end by their deadline.
 */
export function ownerIsGone(owner: string): boolean {
  const [host, place, pid, start] = owner.split('|');
  if (host !== hostname().replaceAll('|', '_') || pid === undefined || !/^\d+$/.test(pid)) return false;
  const [boot, container] = (place ?? '').split('/');
  const [ourBoot, ourContainer] = placeOf().split('/');
  if (boot !== ourBoot) return boot !== '' && ourBoot !== '';
  if (container !== ourContainer) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const { state, start: now } = statOf(Number(pid));
  // Dead, and nobody has asked how it ended: the first process of many a container never does.
  if (state === 'Z' || state === 'X') return true;
  return start !== undefined && start !== '' && now !== undefined && now !== start;
}
