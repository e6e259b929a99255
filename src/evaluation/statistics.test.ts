import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootstrapInterval, comparePaired, mcNemar, quantile } from './statistics.ts';

const outcomes = fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 60 });

describe('McNemar’s exact test', () => {
  it('is the two-sided binomial test at one half', () => {
    // Twice the tail of 3 or fewer heads in 15 throws (1152 / 2^15), and of 40 or fewer in 100.
    expect(mcNemar(3, 12)).toBeCloseTo(0.03515625, 10);
    expect(mcNemar(40, 60)).toBeCloseTo(0.0568879, 6);
    expect(mcNemar(0, 0)).toBe(1);
    expect(mcNemar(5, 5)).toBe(1);
    expect(mcNemar(0, 1000)).toBeLessThan(1e-100);
  });

  it('does not ask which model comes first', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), (a, b) => {
        expect(mcNemar(a, b)).toBe(mcNemar(b, a));
        expect(mcNemar(a, b)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('the bootstrap interval', () => {
  it('holds the share, lies within 0 and 1, and comes out the same each time', () => {
    fc.assert(
      fc.property(outcomes, (values) => {
        const { low, high } = bootstrapInterval(values);
        const share = values.reduce<number>((sum, value) => sum + value, 0) / values.length;
        expect(low).toBeLessThanOrEqual(share);
        expect(high).toBeGreaterThanOrEqual(share);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(bootstrapInterval(values)).toEqual({ low, high });
      }),
      { numRuns: 15 },
    );
  });

  it('is about two standard errors wide on each side', () => {
    const values = Array.from({ length: 1000 }, (_, index) => (index < 600 ? 1 : 0));
    const { low, high } = bootstrapInterval(values);
    expect(low).toBeCloseTo(0.6 - 1.96 * Math.sqrt(0.24 / 1000), 1.9);
    expect(high).toBeCloseTo(0.6 + 1.96 * Math.sqrt(0.24 / 1000), 1.9);
  });
});

describe('a paired comparison', () => {
  it('of a model with itself finds nothing', () => {
    expect(comparePaired([1, 0, 1], [1, 0, 1])).toEqual({
      difference: 0,
      interval: { low: 0, high: 0 },
      onlyFirst: 0,
      onlySecond: 0,
      p: 1,
    });
  });

  it('refuses other questions', () => {
    expect(() => comparePaired([1], [1, 0])).toThrow(RangeError);
  });
});

describe('a quantile', () => {
  it('is the value that the share stays below', () => {
    expect(quantile([5, 1, 3], 0.5)).toBe(3);
    expect(quantile([5, 1, 3], 1)).toBe(5);
    expect(quantile([], 0.5)).toBeNull();
  });
});
