/** Looks at a slot before sleeping: some 100 µs, which is what waking a thread can cost and more than most waits here last. */
const LOOKS = 12_000;

/** Waits until `slots[slot]` is no longer `old`, at most `timeout` milliseconds of sleep; returns what it holds then. */
export function awaitChange(slots: Int32Array, slot: number, old: number, timeout?: number): number {
  for (let look = 0; look < LOOKS; look++) {
    const value = Atomics.load(slots, slot);
    if (value !== old) return value;
  }
  Atomics.wait(slots, slot, old, timeout);
  return Atomics.load(slots, slot);
}
