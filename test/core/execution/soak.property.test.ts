import { expect, test } from 'vitest';
import { soak } from './soak.js';

/** `QUANTLINE_SOAK=10000 npx vitest run soak` for the long run; `QUANTLINE_SOAK_SEED` repeats one. */
const sequences = Number(process.env['QUANTLINE_SOAK'] ?? 40);
const first = Number(process.env['QUANTLINE_SOAK_FIRST'] ?? 1);
const only = process.env['QUANTLINE_SOAK_SEED'];

test('random fault sequences converge: accepted orders equal intents, every fill is booked once', async () => {
  const failures: string[] = [];
  let kills = 0;
  let accepted = 0;
  let decided = 0;
  const seeds = only === undefined ? Array.from({ length: sequences }, (_, i) => first + i) : [Number(only)];
  for (const seed of seeds) {
    try {
      const result = await soak(seed);
      kills += result.kills;
      accepted += result.accepted;
      decided += result.decided;
    } catch (error) {
      if (only !== undefined) throw error;
      failures.push(`${seed}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  expect(failures).toEqual([]);
  if (only === undefined) {
    // The sequences must reach what they are meant to test.
    expect(kills).toBeGreaterThan(seeds.length / 5);
    expect(accepted).toBeGreaterThan(seeds.length);
    expect(decided).toBeGreaterThan(2 * seeds.length);
  }
}, 3_600_000);
