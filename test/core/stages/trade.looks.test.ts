import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clock } from '../../../src/core/platform/index.js';
import { Looks } from '../../../src/core/stages/trade/looks.js';

const SLOT = 300_000;

/** Stands still until it is set. */
class StillClock implements Clock {
  private time = 0;
  private readonly waiting = new Set<() => void>();

  now = () => this.time;
  monotonic = this.now;

  set(time: number): void {
    this.time = time;
    for (const look of [...this.waiting]) look();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const until = this.time + ms;
    return new Promise((resolve, reject) => {
      const look = () => this.time >= until && this.waiting.delete(look) && resolve();
      this.waiting.add(look);
      signal?.addEventListener('abort', () => this.waiting.delete(look) && reject(signal.reason), { once: true });
    });
  }
}

const clock = new StillClock();
let looked: number[];
let retries: boolean;
let looks: Looks;
let stop: AbortController;
let running: Promise<unknown>;

beforeEach(() => {
  clock.set(1000);
  looked = [];
  retries = false;
  stop = new AbortController();
  looks = new Looks({
    clock,
    slotAfter: (time) => (Math.floor(time / SLOT) + 1) * SLOT,
    retries: () => retries,
    look: async () => void looked.push(Math.round(clock.now() / 1000)),
    prepare: async () => {},
  });
  running = looks.run(stop.signal).catch(() => {});
});
afterEach(async () => {
  stop.abort();
  await running;
});

/** Time goes on to `second`, and whoever has waited for it goes first. */
async function at(second: number) {
  clock.set(second * 1000);
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

test('every minute, and three seconds ahead of a slot', async () => {
  for (const second of [60, 61, 120, 121, 181, 241, 296, 297, 298]) await at(second);
  expect(looked).toEqual([61, 121, 181, 241, 297]);
});

test('a second after a fill, and not for each of those that follow', async () => {
  await at(10);
  looks.soon();
  for (const second of [10, 10.5, 11]) await at(second);
  expect(looked).toEqual([11]);
  for (const second of [12, 13, 14, 15, 16, 17]) {
    looks.soon();
    await at(second);
  }
  expect(looked).toEqual([11, 16]);
});

test('a fill just before a slot is looked at after it', async () => {
  for (const second of [61, 121, 181, 241, 297, 298]) await at(second);
  looks.soon();
  for (const second of [298, 299, 300, 301, 302]) await at(second);
  expect(looked.slice(-2)).toEqual([297, 302]);
});

test('every five seconds while something is to be tried again', async () => {
  retries = true;
  await at(61);
  for (const second of [64, 66, 70, 71]) await at(second);
  expect(looked).toEqual([61, 66, 71]);
});
