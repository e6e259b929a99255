import type { Linter } from 'eslint';

export const dependencyRules: Linter.Config[];
