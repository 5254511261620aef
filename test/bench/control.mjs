/**
 * A fixed calculation that tells the machine's share of a latency: plain integer work that touches no memory, opens
 * nothing and allocates nothing, so that whatever varies in its time is the machine's. Run directly before and after what
 * is measured, never inside of it.
 */

/** Steps of one control: about a millisecond. */
const STEPS = 700_000;

let sink = 0;

function work(steps) {
  let x = sink | 1;
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  sink = x;
}

/** Milliseconds of so many steps. */
export function control(steps = STEPS) {
  const t0 = performance.now();
  work(steps);
  return performance.now() - t0;
}

/** Steps that take `ms` at the speed at which the control takes `median` milliseconds. */
export const stepsOf = (ms, median) => Math.round((STEPS * ms) / median);

/** Lets V8 compile it. */
export function warmUp() {
  for (let i = 0; i < 100; i++) control();
}
