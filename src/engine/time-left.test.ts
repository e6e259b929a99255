import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeLeft } from './time-left.ts';

describe('TimeLeft', () => {
  it('says nothing until there is enough to go by', () => {
    const timeLeft = new TimeLeft();
    for (let step = 0; step < 3; step++) {
      timeLeft.add(step * 1000, step * 10);
      expect(timeLeft.secondsLeft(100)).toBeNull();
    }
    timeLeft.add(3000, 30);
    expect(timeLeft.secondsLeft(100)).toBe(7);
  });

  it('follows a change of speed within a few samples', () => {
    const timeLeft = new TimeLeft();
    for (let second = 0; second <= 5; second++) timeLeft.add(second * 1000, second * 100);
    for (let second = 1; second <= 10; second++) timeLeft.add((5 + second) * 1000, 500 + second * 10);
    // 400 left at 10 a second, after 100 a second before
    expect(timeLeft.secondsLeft(1000)).toBeGreaterThan(25);
  });

  it('is exact for any steady rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 250, max: 5000 }), (rate, interval) => {
        const timeLeft = new TimeLeft();
        for (let sample = 0; sample <= 4; sample++) timeLeft.add(sample * interval, sample * interval * rate);
        expect(timeLeft.secondsLeft(4 * interval * rate + 10_000 * rate)).toBeGreaterThanOrEqual(10);
        expect(timeLeft.secondsLeft(4 * interval * rate + 10_000 * rate)).toBeLessThanOrEqual(11);
      }),
    );
  });

  it('does not take a restarted file for progress backwards', () => {
    const timeLeft = new TimeLeft();
    for (let second = 0; second <= 4; second++) timeLeft.add(second * 1000, second * 10);
    timeLeft.add(5000, 0);
    timeLeft.add(6000, 10);
    expect(timeLeft.secondsLeft(100)).toBe(9);
  });
});
