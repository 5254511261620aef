/**
 * W1 with everything switched on that a run may have (see SWITCHED_ON), in turn with plain W1, at two accounts: one of
 * $10,000, where an entry fits into a bar's share of volume, and one of $100,000, where it is spread over several bars.
 * `share_of_plain_speed` is to be more than one half at both.
 *
 * A virtual machine stands still for some tens of milliseconds again and again, also by its own account of CPU time. So
 * the three sides take turns, each run is timed in pieces of a few milliseconds, and a side's time is the sum over its
 * pieces of the median (or least) time that the piece took: `…_cpu` is that of the medians of user and system CPU of all
 * threads. --bars=N, --reps=N, --pieces=N, --cash=N for one account alone.
 */
import { EXIT_REASONS } from '../../dist/core/market/index.js';
import { arg, emit, version } from './harness.mjs';
import { figures, PLAIN, SWITCHED_ON, workload } from './w1-setup.mjs';

const n = arg('bars', 1_000_000);
const reps = arg('reps', 31);
const pieces = arg('pieces', 50);
const only = arg('cash', 0);
const run = workload(n, 1);
const sides = [
  PLAIN,
  ...(only > 0 ? [only] : [1e4, 1e5]).map((cash) => ({ ...SWITCHED_ON, venue: { ...SWITCHED_ON.venue, cash } })),
].map((settings) => ({ settings, wall: [], cpu: [], result: undefined }));
/** The first runs are for V8 to compile. */
for (let r = -4; r < reps; r++) {
  for (const side of sides) {
    const wall = [];
    const cpu = [];
    side.result = run(side.settings, true, pieces, () => {
      const { user, system } = process.cpuUsage();
      cpu.push((user + system) / 1e6);
      wall.push(performance.now() / 1000);
    });
    if (r < 0) continue;
    side.wall.push(differences(wall));
    side.cpu.push(differences(cpu));
  }
}

const [plain, ...on] = sides.map(({ settings, wall, cpu, result }) => ({
  cash: settings.venue.cash,
  min: ofPieces(wall, 0),
  median: ofPieces(wall, 0.5),
  cpu: ofPieces(cpu, 0.5),
  runs: reps,
  result,
}));
for (const b of on) {
  const { exitReason } = b.result.trades;
  emit(`W1/${n}+all/${b.cash}`, version, b, n, {
    ...figures(b.result),
    exits: Object.fromEntries(EXIT_REASONS.map((r, code) => [r, exitReason.filter((x) => x === code).length])),
    share_of_plain_speed: share('min', b),
    share_of_plain_speed_median: share('median', b),
    share_of_plain_speed_cpu: share('cpu', b),
    plain: { seconds_min: Number(plain.min.toFixed(6)), ...figures(plain.result) },
  });
}

function differences(marks) {
  return marks.slice(1).map((value, i) => value - marks[i]);
}

/** Sum over the pieces of this quantile over the runs. */
function ofPieces(list, quantile) {
  return list[0].reduce((sum, _, p) => {
    const sorted = list.map((pieceTimes) => pieceTimes[p]).sort((a, b) => a - b);
    return sum + sorted[Math.floor((sorted.length - 1) * quantile)];
  }, 0);
}

function share(measure, b) {
  return Number((plain[measure] / b[measure]).toFixed(3));
}
