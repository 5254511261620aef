// Counts verdicts of a gate over seeded markets: what gate.mjs (rules) and gate-learned.mjs (learners) share.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { arg, bench, emit, version } from './harness.mjs';

const tries = arg('tries', 20);
const first = arg('first', 1);
const log = arg('log', '');
const wanted = arg('edge', 'both');
const edges = wanted === 'both' ? ['none', 0.63] : [wanted === 'none' ? wanted : Number(wanted)];

/** What is kept of a report. */
export const verdictOf = (name, { verdict, figures }) => ({
  name,
  pass: verdict.pass,
  failed: verdict.failed,
  sharpe: figures.sharpe,
  values: Object.fromEntries(verdict.results.map((r) => [r.figure, r.value])),
});

/** What earlier calls with the same settings have written into `--log`: verdicts by edge and seed. */
function written(settings) {
  const known = new Map();
  if (log === '' || !existsSync(log)) return known;
  for (const line of readFileSync(log, 'utf8').split('\n').filter(Boolean)) {
    const { verdicts, ...row } = JSON.parse(line);
    if (JSON.stringify({ ...row, edge: undefined, seed: undefined }) === JSON.stringify(settings))
      known.set(`${row.edge} ${row.seed}`, verdicts);
  }
  return known;
}

/** Judges each market (`judgeMarket(seed, edge)` → verdicts) that the command line asks for, and prints the shares that pass. */
export async function tally(workload, settings, judgeMarket) {
  const known = written(settings);
  for (const edge of edges) {
    const byName = {};
    const measured = await bench(
      async () => {
        for (let seed = first; seed < first + tries; seed++) {
          const cpu = process.cpuUsage();
          let verdicts = known.get(`${edge} ${seed}`);
          if (verdicts === undefined) {
            verdicts = await judgeMarket(seed, edge);
            if (log !== '') appendFileSync(log, `${JSON.stringify({ ...settings, edge, seed, verdicts })}\n`);
            const { user } = process.cpuUsage(cpu);
            const marks = verdicts.map(({ name, pass, failed }) => `${name} ${pass ? 'passes' : failed.join(' ')}`);
            process.stderr.write(`${edge} ${seed} (${(user / 1e6).toFixed(1)} s): ${marks.join('; ')}\n`);
          }
          for (const { name, pass, failed, sharpe } of verdicts) {
            const row = (byName[name] ??= { tries: 0, passed: 0, share: 0, mean_sharpe: 0, failures: {} });
            row.tries++;
            if (pass) row.passed++;
            row.share = row.passed / row.tries;
            row.mean_sharpe += ((sharpe ?? 0) - row.mean_sharpe) / row.tries;
            for (const figure of failed) row.failures[figure] = (row.failures[figure] ?? 0) + 1;
          }
        }
        return { edge, ...settings, markets: tries, first, strategies: byName };
      },
      { reps: 1 },
    );
    emit(`${workload}-${edge}`, version, measured, tries);
  }
}
