/**
 * W6: CartPole-v1 with the settings of rl-baselines3-zoo: --algo=ppo|dqn|ppo,dqn --seeds=1 (how many) --seed=0 (the first)
 * --steps=N --threads=1|2 --curve (prints every evaluation on stderr). Result: mean return of 100 greedy episodes of the best
 * checkpoint; with --final of the policy after the last step, with no checkpoints on the way: what Stable-Baselines3 trains.
 */
import { arg, emit, flag, version } from './harness.mjs';

const { CARTPOLE_DQN, CARTPOLE_PPO, CartPole, evaluatePolicy, trainDqn, trainPpo } = await import(
  '../../dist/core/learning/agents/index.js'
);

const environment = () => new CartPole();
const TASKS = {
  ppo: {
    train: trainPpo,
    steps: 100_000,
    settings: { ...CARTPOLE_PPO, evaluateEvery: 10_000, evaluationEpisodes: 10 },
  },
  dqn: { train: trainDqn, steps: 50_000, settings: { ...CARTPOLE_DQN, evaluateEvery: 1024, evaluationEpisodes: 20 } },
};
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** Wall and CPU seconds of one training run, evaluation included. */
async function timed(run) {
  globalThis.gc?.();
  const c = process.cpuUsage();
  const t = performance.now();
  const result = await run();
  return { result, wall: (performance.now() - t) / 1000, cpu: process.cpuUsage(c).user / 1e6 };
}

const first = arg('seed', 0);
const threads = arg('threads', 1);
for (const algo of arg('algo', 'ppo,dqn').split(',')) {
  const { train, settings, ...task } = TASKS[algo];
  const steps = arg('steps', task.steps);
  if (flag('final')) settings.evaluateEvery = steps;
  await train({ environment, steps: 4096, seed: 99, settings });
  const scores = [];
  for (let seed = first; seed < first + arg('seeds', 1); seed++) {
    const onReport = ({ steps: at, episodes, trainingReturn, evaluationReturn }) => {
      if (!flag('curve')) return;
      const cells = [algo, seed, at, episodes, trainingReturn.toFixed(1), evaluationReturn.toFixed(1)];
      process.stderr.write(`${cells.join('\t')}\n`);
    };
    const { result, wall, cpu } = await timed(() => train({ environment, steps, seed, settings, threads, onReport }));
    const seeds = Array.from({ length: 100 }, (_, i) => 10_000 + i);
    const returns = evaluatePolicy(result.policy, new CartPole(), seeds);
    scores.push(mean(returns));
    emit(
      'W6',
      version,
      { min: wall, median: wall, cpu, runs: 1 },
      steps,
      { seed, eval_mean: mean(returns), eval_min: Math.min(...returns), steps, best_steps: result.bestSteps },
      { peer: `quantline ${algo} ${threads}t` },
    );
  }
  const reached = scores.filter((score) => score >= 475).length;
  if (scores.length > 1) process.stderr.write(`${algo}: ${reached} of ${scores.length} seeds reach 475\n`);
}
