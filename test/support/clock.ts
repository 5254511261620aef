import { type Clock, systemClock } from '../../src/core/platform/index.js';

export interface ShiftedClock extends Clock {
  set(time: number): void;
}

/** The system's clock moved to another day, `speed` times as fast. */
export function shiftedClock(start: number, speed = 1): ShiftedClock {
  let began = systemClock.monotonic();
  let base = start;
  const elapsed = () => (systemClock.monotonic() - began) * speed;
  return {
    now: () => base + Math.floor(elapsed()),
    monotonic: () => systemClock.monotonic() * speed,
    sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
    set(time) {
      base = time;
      began = systemClock.monotonic();
    },
  };
}
