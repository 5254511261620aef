import type { z } from 'zod';
import { agentLearner } from '../agents/learner.js';
import { agentSettings, rulesOf } from '../agents/settings.js';
import type { Learner } from '../trainer.js';

export const name = 'dqn';
export const summary =
  'Agent that chooses target positions by double Q-learning in a market with the backtest’s own fills and costs.';

export const settings = agentSettings;

export function create(options: z.output<typeof settings>): Learner {
  const { units, learning_rate, gamma } = options;
  return agentLearner(name, options, rulesOf(options, false), async ({ evaluationEpisodes, ...job }) => {
    const { DQN_DEFAULTS, trainDqn } = await import('../../learning/agents/index.js');
    return trainDqn({
      ...job,
      settings: {
        ...{ learningRate: learning_rate, gamma, hidden: [units, units], evaluationEpisodes },
        // Not before there is a batch to learn from.
        learningStarts: Math.max(DQN_DEFAULTS.batchSize, Math.min(1000, Math.ceil(job.steps / 10))),
        evaluateEvery: Math.max(1, Math.ceil(job.steps / 10)),
      },
    });
  });
}
