/**
 * W1 with everything switched on that a run may have (see SWITCHED_ON), in turn with plain W1: `share_of_plain_speed` is
 * the ratio of the fastest runs, `…_cpu` that of the median user CPU. Issue: more than one half, both where an entry fits
 * into a bar's share of volume (--cash=1e4, the default) and where it is spread over several bars (--cash=1e5).
 * --bars=N, --reps=N.
 */
import { EXIT_REASONS } from '../../dist/core/market/index.js';
import { arg, bench, emit, version } from './harness.mjs';
import { figures, PLAIN, SWITCHED_ON, workload } from './w1-setup.mjs';

const n = arg('bars', 1_000_000);
const reps = arg('reps', 9);
const run = workload(n, 1);
const cash = arg('cash', 1e4);
const sides = { plain: PLAIN, on: { ...SWITCHED_ON, venue: { ...SWITCHED_ON.venue, cash } } };
const runs = { plain: [], on: [] };
for (let r = 0; r < reps; r++) {
  for (const side of ['plain', 'on'])
    runs[side].push(await bench(() => run(sides[side], true), { reps: 1, warmup: r === 0 ? 3 : 0 }));
}
const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const merged = (list) => ({
  min: Math.min(...list.map((b) => b.min)),
  median: middle(list.map((b) => b.median)),
  cpu: middle(list.map((b) => b.cpu)),
  runs: list.length,
  result: list.at(-1).result,
});
const plain = merged(runs.plain);
const on = merged(runs.on);
const { exitReason } = on.result.trades;
emit(`W1/${n}+all`, version, on, n, {
  cash,
  ...figures(on.result),
  exits: Object.fromEntries(EXIT_REASONS.map((r, code) => [r, exitReason.filter((x) => x === code).length])),
  share_of_plain_speed: Number((plain.min / on.min).toFixed(3)),
  share_of_plain_speed_median: Number((plain.median / on.median).toFixed(3)),
  share_of_plain_speed_cpu: Number((plain.cpu / on.cpu).toFixed(3)),
  plain: figures(plain.result),
});
