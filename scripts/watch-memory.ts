import { readdirSync, readFileSync } from 'node:fs';

/** A process's parent and its own share of memory in bytes (PSS where the kernel tells it, else RSS); undefined where it is gone. */
function readProcess(id: number): { parent: number; bytes: number } | undefined {
  try {
    const status = readFileSync(`/proc/${String(id)}/status`, 'utf8');
    const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    const resident = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    return { parent, bytes: 1024 * (proportional(id) ?? resident) };
  } catch {
    return undefined; // It ended between listing and reading.
  }
}

function proportional(id: number): number | undefined {
  try {
    const found = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${String(id)}/smaps_rollup`, 'utf8'));
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined; // Not every kernel and container shows it.
  }
}

/** The memory of all descendants of a process that are browsers, in bytes. */
function browserBytes(ancestor: number): number {
  const ids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  const processes = new Map(ids.flatMap((id) => [[id, readProcess(id)] as const]));
  const isBelow = (id: number): boolean => {
    for (let at = processes.get(id)?.parent; at !== undefined && at > 1; at = processes.get(at)?.parent) if (at === ancestor) return true;
    return false;
  };
  return ids.filter(isBelow).reduce((sum, id) => sum + (processes.get(id)?.bytes ?? 0), 0);
}

/**
 * Looks every half second at what the descendants of a process take together. `stop` returns the most that was seen in bytes, 0 where
 * there is no /proc.
 */
export function watchMemory(ancestor: number): { stop: () => number } {
  let most = 0;
  const look = (): void => {
    try {
      most = Math.max(most, browserBytes(ancestor));
    } catch {
      most = 0; // No /proc: not Linux.
    }
  };
  const timer = setInterval(look, 500);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}
