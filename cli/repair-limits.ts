/** A batch waits longer than a person does, so that other work on the machine does not change what comes out. In milliseconds. */
export const BATCH_LIMITS = { timeoutMs: 3_000, budgetMs: 9_000 } as const;
