import { afterEach, beforeEach, expect, test } from 'vitest';
import { Looks } from '../../../src/core/stages/trade/looks.js';
import { JumpClock } from '../../support/jumpClock.js';

const SLOT = 300_000;
const clock = new JumpClock(0);
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
  for (const second of [10, 10.5, 11.2]) await at(second);
  expect(looked).toEqual([11]);
  for (const second of [12, 13, 14, 15, 16, 17.4]) {
    looks.soon();
    await at(second);
  }
  expect(looked).toEqual([11, 17]);
});

test('a fill just before a slot is looked at after it', async () => {
  for (const second of [61, 121, 181, 241, 297, 298]) await at(second);
  looks.soon();
  for (const second of [298, 299, 300, 300.9, 302.4]) await at(second);
  expect(looked.slice(-2)).toEqual([297, 302]);
});

test('every five seconds while something is to be tried again', async () => {
  retries = true;
  await at(61);
  for (const second of [64, 66, 70, 71]) await at(second);
  expect(looked).toEqual([61, 66, 71]);
});
