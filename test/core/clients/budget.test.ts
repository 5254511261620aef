import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rateBudget } from '../../../src/core/clients/budget.js';
import { ManualClock } from '../../../src/core/platform/index.js';

const NOW = Date.UTC(2026, 10, 23, 15);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quantline-budget-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe.each([['in memory'], ['in a file']])('rateBudget %s', (kind) => {
  const budget = (clock: ManualClock, perMinute: number, reserve = 0) =>
    rateBudget({ key: 'k', perMinute, reserve, clock, stateDir: kind === 'in a file' ? folder : undefined });

  it('never lets more through in any minute than the limit', async () => {
    const clock = new ManualClock(NOW);
    const gate = await budget(clock, 10);
    const times: number[] = [];
    for (let i = 0; i < 45; i++) {
      await gate.acquire('read');
      times.push(clock.now());
      clock.set(clock.now() + (i % 3) * 700);
    }
    for (let i = 10; i < times.length; i++) expect(times[i]! - times[i - 10]!).toBeGreaterThanOrEqual(60_000);
    // It does not wait longer than needed either.
    expect(times.at(-1)! - NOW).toBeLessThan(5 * 60_000);
    gate.close();
  });

  it('keeps a reserve for orders', async () => {
    const clock = new ManualClock(NOW);
    const gate = await budget(clock, 10, 0.2);
    for (let i = 0; i < 8; i++) await gate.acquire('read');
    for (let i = 0; i < 2; i++) await gate.acquire('write');
    expect(clock.now()).toBe(NOW);
    await gate.acquire('write');
    expect(clock.now()).toBe(NOW + 60_000);
    gate.close();
  });

  it('tells of a wait that is noticed, once for all that wait', async () => {
    const sleeping: (() => void)[] = [];
    const clock = Object.assign(new ManualClock(NOW), { sleep: () => new Promise<void>((go) => sleeping.push(go)) });
    const gate = await budget(clock, 2);
    const told: number[] = [];
    const acquire = () => gate.acquire('read', undefined, undefined, (ms) => told.push(ms));
    await Promise.all([acquire(), acquire()]);
    expect(told).toEqual([]);
    const waiting = Promise.all([acquire(), acquire()]);
    await vi.waitFor(() => expect(sleeping).toHaveLength(2));
    expect(told).toEqual([60_000]);
    clock.set(NOW + 60_000);
    for (const wake of sleeping) wake();
    await waiting;
    gate.close();
  });

  it('stops after a 429 until the limit resets', async () => {
    const clock = new ManualClock(NOW);
    const gate = await budget(clock, 100);
    gate.observe(429, new Headers({ 'x-ratelimit-reset': String(NOW / 1000 + 12) }));
    await gate.acquire('read');
    expect(clock.now()).toBe(NOW + 13_000);
    gate.close();
  });

  it('learns the limit, and that it is used up, from the service', async () => {
    const clock = new ManualClock(NOW);
    const gate = await budget(clock, 1);
    gate.observe(200, new Headers({ 'x-ratelimit-limit': '1000', 'x-ratelimit-remaining': '900' }));
    for (let i = 0; i < 50; i++) await gate.acquire('read');
    expect(clock.now()).toBe(NOW);
    gate.observe(
      200,
      new Headers({
        'x-ratelimit-limit': '1000',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(NOW / 1000 + 5),
      }),
    );
    await gate.acquire('read');
    expect(clock.now()).toBe(NOW + 6000);
    gate.close();
  });

  it('does not wait for ever when the clock was set back', async () => {
    const clock = new ManualClock(NOW + 86_400_000);
    const gate = await budget(clock, 1);
    await gate.acquire('read');
    gate.observe(429, new Headers({ 'retry-after': '60' }));
    clock.set(NOW);
    await gate.acquire('read');
    expect(clock.now() - NOW).toBeLessThan(70_000 * 2);
    gate.close();
  });
});

it('is shared between budgets on one folder, per key', async () => {
  const clock = new ManualClock(NOW);
  const options = { perMinute: 3, reserve: 0, clock, stateDir: folder };
  const [a, b, other] = await Promise.all([
    rateBudget({ key: 'same', ...options }),
    rateBudget({ key: 'same', ...options }),
    rateBudget({ key: 'other', ...options }),
  ]);
  await a.acquire('read');
  await b.acquire('read');
  await a.acquire('read');
  await other.acquire('read');
  expect(clock.now()).toBe(NOW);
  b.observe(429, new Headers({ 'retry-after': '61' }));
  await a.acquire('read');
  expect(clock.now()).toBe(NOW + 61_000);
  for (const one of [a, b, other]) one.close();
});
