/**
 * Tries, from inside the page or a worker, to reach another host and to run text. Passed to `evaluate`, so it may name nothing outside
 * of itself. Returns for each attempt 'done', or the name of the error.
 */
export async function intrusionAttempts(url: string): Promise<Record<string, string>> {
  // Out of the evaluation itself, which the browser's debugger frees of the policy.
  await new Promise((resolve) => setTimeout(resolve, 0));
  const outcome = async (attempt: () => unknown): Promise<string> => {
    try {
      await attempt();
      return 'done';
    } catch (error) {
      return error instanceof Error ? error.name : 'refused';
    }
  };
  const moduleUrl = `${url}module.js`;
  return {
    fetch: await outcome(() => fetch(url)),
    import: await outcome(() => import(/* @vite-ignore */ moduleUrl)),
    // eslint-disable-next-line no-eval -- that this is refused is the point
    eval: await outcome(() => (0, eval)('1 + 1')),
    // eslint-disable-next-line no-new-func, @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- as above
    function: await outcome(() => new Function('return 1')()),
  };
}
