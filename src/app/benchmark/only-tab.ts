/**
 * Does work on a run unless another tab is at it. Over plain http there are no locks to tell, and the work is done.
 *
 * @returns false where another tab is at it
 */
export async function inOnlyTab(runId: string, work: () => Promise<void>): Promise<boolean> {
  const { locks } = navigator as { locks?: LockManager };
  if (!locks) {
    await work();
    return true;
  }
  return locks.request(`tabletalk:benchmark:${runId}`, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await work();
    return true;
  });
}
