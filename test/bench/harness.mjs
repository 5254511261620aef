import { appendFileSync } from 'node:fs';
import { loadavg } from 'node:os';

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

const round = (value, digits) => Number(value.toFixed(digits));

/**
 * Runs `fn` (may be asynchronous) `warmup` times untimed, then up to `reps` times while `budget` seconds last,
 * at least once. No collection is forced between runs: it would be kind to memory, but V8 then throws away all code that
 * was compiled for objects of which none is alive, and each run would start cold. What a run leaves behind is collected
 * inside the next one's time instead. Returns `{min, median, cpu, runs, result}`: seconds; `cpu` is the median user CPU of one run over
 * all threads of this process; `result` is the last return value.
 */
export async function bench(fn, { reps = 5, warmup = 0, budget = 120 } = {}) {
  for (let i = 0; i < warmup; i++) await fn();
  const wall = [];
  const cpu = [];
  let result;
  const started = performance.now();
  for (let i = 0; i < reps; i++) {
    const spent = (performance.now() - started) / 1000;
    if (i > 0 && spent + spent / i > budget) break;
    const cpu0 = process.cpuUsage();
    const t0 = performance.now();
    result = await fn();
    wall.push((performance.now() - t0) / 1000);
    cpu.push(process.cpuUsage(cpu0).user / 1e6);
  }
  return { min: Math.min(...wall), median: median(wall), cpu: median(cpu), runs: wall.length, result };
}

/**
 * Prints one JSON line with the keys of the peers' scripts and appends it to the file $BENCH_LOG if that is set.
 * `units` is the amount of work of one run (bars, rows …); units_per_s is taken from the fastest run.
 */
export function emit(workload, version, b, units, result = b.result, extra = {}) {
  const line = JSON.stringify({
    workload,
    peer: 'quantline',
    version,
    seconds_min: round(b.min, 6),
    seconds_median: round(b.median, 6),
    cpu_seconds: round(b.cpu, 4),
    load1: round(loadavg()[0], 1),
    units_per_s: round(units / b.min, 1),
    // maxRSS is in kilobytes.
    peak_rss_mb: round(process.resourceUsage().maxRSS / 1024, 1),
    runs: b.runs,
    result,
    ...extra,
  });
  process.stdout.write(`${line}\n`);
  if (process.env.BENCH_LOG) appendFileSync(process.env.BENCH_LOG, `${line}\n`);
}

/** `--name=value` from the command line as the type of the default, or the default. */
export function arg(name, fallback) {
  const found = process.argv.slice(2).find((a) => a.startsWith(`--${name}=`));
  if (found === undefined) return fallback;
  const text = found.slice(name.length + 3);
  return typeof fallback === 'number' ? Number(text) : text;
}

export const flag = (name) => process.argv.includes(`--${name}`);

/** 9 significant digits, as the peers' scripts print their figures. */
export const digits9 = (value) => Number(value.toPrecision(9));

/** The version in package.json. */
export const version = JSON.parse(
  await (await import('node:fs/promises')).readFile(new URL('../../package.json', import.meta.url), 'utf8'),
).version;
