import { expect, it } from 'vitest';
import { Tickets } from '../../../../src/core/learning/networks/index.js';

it('threads take every task of a job once, from both ends, and none of a job that has ended', () => {
  const control = new Int32Array(new SharedArrayBuffer(Tickets.size * 4));
  const [owner, other] = [new Tickets(control, 0), new Tickets(control, 1)];
  const never = () => expect.unreachable();
  owner.work(never);
  const taken: string[] = [];
  for (const tasks of [5, 1]) {
    owner.open(tasks, false, () => taken.push(`job of ${tasks}`));
    // The other thread works between two tasks of the owner's.
    owner.work((task) => {
      taken.push(`owner ${task}`);
      if (task === 1) other.work((last) => taken.push(`other ${last}`));
    });
    expect(owner.unfinished()).toBe(false);
    other.work(never);
  }
  expect(taken).toEqual([
    ...['job of 5', 'owner 0', 'owner 1', 'other 4', 'other 3', 'other 2'],
    ...['job of 1', 'owner 0'],
  ]);
  owner.open(2, false, () => {});
  expect(() =>
    other.work((task) => {
      throw new Error(`task ${task}`);
    }),
  ).toThrow('task 1');
  owner.work(() => {});
  expect(owner.unfinished()).toBe(true);
  expect(() => owner.open(Tickets.most + 1, false, () => {})).toThrow(/too large/);
});
