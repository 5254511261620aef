/**
 * npm run bench:peers -- [w1 w3 …]: runs each peer that is installed and ours in turn, several rounds, and prints the
 * ratio of their fastest runs and of their user CPU seconds. Peers live under $PEERS (test/bench/peers/setup.sh makes
 * them); one that is absent is named and left out. --rounds=N (default 3).
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arg } from './harness.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..', '..');
const home = process.env.PEERS ?? join(homedir(), '.cache', 'quantline-peers');
const python = (venv) => join(home, venv, 'bin', 'python');
const script = (name) => join(here, 'peers', name);
const env = {
  ...process.env,
  PEERS: home,
  PEERS_DATA: join(home, 'data'),
  NODE_PATH: join(home, 'node', 'node_modules'),
};
delete env.BENCH_LOG;

const py = (peer, venv, file, args = [], extra = {}) => ({
  peer,
  command: python(venv),
  args: [script(file), ...args],
  env: extra,
});
const passive = { OMP_WAIT_POLICY: 'PASSIVE' };

/** Per comparison: our command, the peers, and which of our lines answers (by workload and, where it prints several, by variant). */
const COMPARISONS = {
  w1: [
    { ours: ['w1'], line: /^W1\/1000000$/, peers: [py('vectorbt', 'vbt', 'w1_vectorbt.py', ['--bars=1000000'])] },
    {
      ours: ['w1', '--bars=100000'],
      line: /^W1\/100000$/,
      peers: [
        py('backtesting.py', 'main', 'w1_backtestingpy.py', ['--bars=100000', '--reps=2']),
        py('backtrader', 'main', 'w1_backtrader.py', ['--bars=100000', '--reps=1']),
      ],
    },
  ],
  w2: [{ ours: ['w2'], line: /^W2/, peers: [py('vectorbt', 'vbt', 'w2_vectorbt.py')] }],
  w3: [
    {
      ours: ['w3'],
      line: /^W3/,
      peers: [
        py('TA-Lib', 'main', 'w3_talib.py'),
        {
          peer: 'trading-signals',
          command: process.execPath,
          args: [script('w3_js.cjs'), 'trading-signals', '--reps=1'],
          env: {},
        },
      ],
    },
  ],
  w4: [1, 2].flatMap((threads) =>
    // Native is the library of the very environment that it is compared with.
    [[], ['--engine=native', `--library=${join(home, 'ml12')}`]].map((engine) => ({
      ours: ['w4', `--threads=${threads}`, ...engine],
      line: /^W4/,
      peers: [
        py('xgboost', 'ml12', 'w4_boost.py', ['--peer=xgboost', `--threads=${threads}`, '--reps=2'], passive),
        ...(engine.length > 0
          ? []
          : [py('lightgbm', 'ml12', 'w4_boost.py', ['--peer=lightgbm', `--threads=${threads}`, '--reps=2'], passive)]),
      ],
      extra: (ours, peer) => ({
        engine: ours.engine,
        predict_ratio: round(ours.result.predict_rows_per_s / peer.result.predict_rows_per_s),
      }),
    })),
  ),
  w5: [
    [1, 'embedded'],
    [2, 'embedded'],
    [1, 'native'],
    [2, 'native'],
  ].map(([threads, variant]) => ({
    ours: ['w5', `--threads=${threads}`],
    line: /^W5$/,
    variant,
    peers: [py('pytorch', 'torch', 'w5_torch.py', [`--threads=${threads}`, '--reps=3'], passive)],
    extra: () => ({ engine: variant }),
  })),
  // The peer on one thread throughout. Its `learn` evaluates nothing and keeps the last policy: so does our PPO here; our DQN
  // evaluates as it goes and keeps the best one.
  w6: [
    ['ppo', 1, '--final'],
    ['ppo', 2, '--final'],
    ['dqn', 1],
  ].map(([algo, threads, ...more]) => ({
    ours: ['w6', `--algo=${algo}`, `--threads=${threads}`, ...more],
    line: /^W6/,
    variant: algo,
    peers: [py('stable-baselines3', 'torch', 'w6_sb3.py', [`--algo=${algo}`])],
    extra: () => ({ algo, threads }),
  })),
  w7: [
    {
      ours: ['w7', '--trials=1000'],
      line: /^W7/,
      variant: 'TPE',
      peers: [py('optuna', 'ml12', 'w7_optuna.py', ['--trials=1000', '--reps=1'])],
      extra: (ours, peer) => ({ ms_per_trial: ours.ms_per_trial, peer_ms_per_trial: round(1000 / peer.units_per_s) }),
    },
  ],
  w8: [
    {
      ours: ['w8'],
      line: /^W8/,
      peers: ['duckdb', 'pyarrow', 'polars'].map((p) => py(p, 'main', 'w8_store.py', [`--peer=${p}`])),
    },
  ],
  w9: [
    {
      ours: ['w9'],
      line: /^W9/,
      peers: ['duckdb', 'pyarrow', 'polars'].map((p) => py(p, 'main', 'w9_csv.py', [`--peer=${p}`])),
    },
  ],
};

const round = (x) => Number(x.toPrecision(4));

function lines(command, args, extra) {
  try {
    const out = execFileSync(command, args, {
      env: { ...env, ...extra },
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out
      .split('\n')
      .filter((l) => l.startsWith('{'))
      .map((l) => JSON.parse(l));
  } catch (error) {
    process.stderr.write(`${command} ${args.join(' ')} failed: ${error.message.split('\n')[0]}\n`);
    return [];
  }
}

/** The fastest of several runs of one side, by the same workload line. */
const best = (runs) => runs.reduce((a, b) => (a === undefined || b.seconds_min < a.seconds_min ? b : a), undefined);

function report(a, b, { peer }, extra) {
  process.stdout.write(
    `${JSON.stringify({
      workload: a.workload,
      peer,
      peer_version: b.version,
      speed_ratio: round(a.units_per_s / b.units_per_s),
      cpu_ratio: round(b.cpu_seconds / Math.max(a.cpu_seconds, 1e-4)),
      ours_seconds: a.seconds_min,
      peer_seconds: b.seconds_min,
      load1: a.load1,
      ours: a.result,
      peer_result: b.result,
      ...extra?.(a, b),
    })}\n`,
  );
}

const chosen = process.argv.slice(2).filter((a) => !a.startsWith('--'));
for (const name of chosen.length > 0 ? chosen : Object.keys(COMPARISONS)) {
  for (const { ours, line, variant = '', peers, extra } of COMPARISONS[name] ?? []) {
    if (!existsSync(join(here, `${ours[0]}.mjs`))) continue;
    for (const peer of peers) {
      if (!existsSync(peer.command)) {
        process.stderr.write(`${name}: ${peer.peer} is not installed (${peer.command}); left out\n`);
        continue;
      }
      const mine = [];
      const theirs = [];
      for (let r = 0; r < arg('rounds', 3); r++) {
        mine.push(
          ...lines(process.execPath, [join(here, `${ours[0]}.mjs`), ...ours.slice(1)], {}).filter(
            (l) => line.test(l.workload) && l.peer.includes(variant),
          ),
        );
        theirs.push(lines(peer.command, peer.args, peer.env));
      }
      for (const workload of new Set(mine.map((l) => l.workload))) {
        // The peer's line of that name; a peer that calls it otherwise prints one.
        const same = theirs.map((run) => run.find((l) => l.workload === workload) ?? run[0]);
        const [a, b] = [best(mine.filter((l) => l.workload === workload)), best(same.filter((l) => l !== undefined))];
        if (b === undefined) continue;
        report(a, b, peer, extra);
      }
    }
  }
}
