import { z } from 'zod';
import { agentLearner } from '../agents/learner.js';
import { agentShape, rulesOf } from '../agents/settings.js';
import type { Learner } from '../trainer.js';

export const name = 'ppo';
export const summary =
  'Agent that learns target positions by proximal policy optimisation in a market with the backtest’s own fills and costs.';

export const settings = z.object({
  ...agentShape,
  steps: agentShape.steps.removeDefault().default(50_000),
  /** Any target in place of levels. */
  continuous: z.boolean().default(false),
  entropy: z.number().min(0).max(1).default(0.01),
});

export function create(options: z.output<typeof settings>): Learner {
  const { units, learning_rate, gamma, entropy, continuous } = options;
  return agentLearner(name, options, rulesOf(options, continuous), async ({ evaluationEpisodes, ...job }) => {
    const { trainPpo } = await import('../../learning/agents/index.js');
    return trainPpo({
      ...job,
      settings: {
        ...{ learningRate: learning_rate, gamma, hidden: [units, units], evaluationEpisodes },
        entropyCoefficient: entropy,
        evaluateEvery: Math.max(1, Math.ceil(job.steps / 10)),
      },
    });
  });
}
