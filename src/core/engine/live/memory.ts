import { z } from 'zod';

/**
 * What the runner must remember from one decision to the next beside what the journal's own tables say. It is stored in
 * every decision, so that it survives with it.
 */
export const runnerMemorySchema = z.strictObject({
  equity: z.number(),
  peak: z.number(),
  session: z.number(),
  sessionStart: z.number(),
  halted: z.boolean(),
  /** The policy that halted the strategy, where one did. */
  haltedBy: z.string().optional(),
  /** When the strategy was last resumed, as far as this memory knows: peak and session start count from then. */
  resumed: z.number().optional(),
  /** Per instrument closed by its protection: the closing execution, and whether a later decision released it. */
  lockouts: z.record(z.string(), z.strictObject({ execution: z.string(), side: z.number(), released: z.boolean() })),
  /** Last close per instrument, for marking those without a fresh bar. */
  closes: z.record(z.string(), z.number()),
});
export type RunnerMemory = z.output<typeof runnerMemorySchema>;

/** Body of a decision in the journal. */
export const decisionBodySchema = z.looseObject({
  memory: runnerMemorySchema,
  /** The model that decided; absent in older journals: the report’s own. */
  model: z.string().optional(),
  /** Risk policies that were asked; absent in older journals: the run’s own. */
  risk: z.array(z.string()).optional(),
});

export const emptyMemory = (equity: number): RunnerMemory => ({
  equity,
  peak: equity,
  session: -1,
  sessionStart: equity,
  halted: false,
  lockouts: {},
  closes: {},
});
