import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { judge } from './oracle.js';
import type { Plan } from './plan.js';
import { World } from './world.js';

/** One random sequence of starts, faults and kills; throws where the oracle is not satisfied. */
export async function soak(
  seed: number,
  plan: Plan,
): Promise<{ readonly kills: number; readonly accepted: number; readonly decided: number }> {
  // Crashes of this process are played, not real: memory is as durable as a disk here, and faster.
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'quantline-soak-'));
  const world = new World(seed, join(folder, 'journal.db'), plan);
  try {
    await world.reopen();
    const starts = 6 + Math.floor(world.random.next() * 10);
    for (let i = 0; i < starts; i++) {
      await world.start(true);
      await world.happen();
    }
    await world.settle();
    await judge(world);
    return { kills: world.kills, accepted: world.venue.accepted.length, decided: world.decided };
  } finally {
    await world.journal.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Sequences in turn, and the seeds that fail. `usual` many from seed 1 on, unless `QUANTLINE_SOAK`, `QUANTLINE_SOAK_FIRST` and
 * `QUANTLINE_SOAK_STEP` (from one seed to the next) say otherwise; a dear kind takes only its `share` of the sequences asked
 * for. `QUANTLINE_SOAK_SEED` repeats one.
 */
export async function soakAll(plan: (seed: number) => Plan, usual: number, share = 1): Promise<void> {
  const { QUANTLINE_SOAK: asked, QUANTLINE_SOAK_FIRST: first = 1 } = process.env;
  const sequences = asked === undefined ? usual : Math.ceil(Number(asked) * share);
  const { QUANTLINE_SOAK_STEP: step = 1, QUANTLINE_SOAK_SEED: only } = process.env;
  if (only !== undefined) {
    await soak(Number(only), plan(Number(only)));
    return;
  }
  const seeds = Array.from({ length: sequences }, (_, i) => Number(first) + i * Number(step));
  const failures: string[] = [];
  const reached = { kills: 0, accepted: 0, decided: 0 };
  for (const seed of seeds) {
    try {
      const { kills, accepted, decided } = await soak(seed, plan(seed));
      reached.kills += kills;
      reached.accepted += accepted;
      reached.decided += decided;
    } catch (error) {
      failures.push(`${seed}: ${(error as Error).message.split('\n').slice(0, 3).join(' ')}`);
      // A long run says it at once.
      if (asked !== undefined) process.stderr.write(`seed ${failures.at(-1)}\n`);
    }
  }
  expect(failures).toEqual([]);
  // The sequences must reach what they are meant to test.
  expect(reached.kills).toBeGreaterThan(seeds.length / 5);
  expect(reached.accepted).toBeGreaterThan(seeds.length);
  expect(reached.decided).toBeGreaterThan(2 * seeds.length);
}
