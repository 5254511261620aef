import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ARTIFACT_SCHEMAS, type Artifact, buildId } from '../../artifacts/index.js';
import { canonicalJson, sha256 } from '../../platform/index.js';
import type { Runtime } from '../runtime.js';
import type { Tradeable } from './tradeable.js';

export const SESSION_FILE = 'session.json';

/** Payload `session.json` of a session artefact: what one start of `quantline trade` did. */
export const sessionSchema = z.strictObject({
  schema: z.literal(1),
  outcome: z.enum(['decided', 'nothing', 'slot-taken', 'halted']),
  /** Why, where nothing was decided or the session was stopped. */
  reason: z.string().nullable(),
  strategy: z.string(),
  venue: z.string(),
  account: z.string(),
  /** Report or run that decided. */
  report: z.string(),
  /** Its model, or that model refitted by train --final. */
  model: z.string(),
  /** Reason for trading what passed no gate (--accept-ungated). */
  accepted_ungated: z.string().nullable(),
  slots: z.int(),
  /** Slots that passed without a decision since the one before. */
  missed_slots: z.int(),
  first_slot: z.string().nullable(),
  last_slot: z.string().nullable(),
  orders: z.int(),
  rejected: z.int(),
  /** Decided, and never sent: too late, nothing could be sent any more, or another strategy owns the instrument. */
  unsent: z.int().default(0),
  /** Open at the end, and the venue has not said whether it has them. */
  unresolved: z.int().default(0),
  /** Client order ids that are open at the end. */
  open_orders: z.array(z.string()),
  fills: z.int(),
  /** Account value after the last slot; null where none was reached. */
  equity: z.number().nullable(),
  positions: z.array(z.strictObject({ instrument: z.string(), quantity: z.string() })),
});
export type SessionFile = z.output<typeof sessionSchema>;

/** Keeps a session of what was traded. */
export async function writeSession(
  file: SessionFile,
  { source, model }: Tradeable,
  runtime: Runtime,
): Promise<Artifact> {
  const { artifact } = await runtime.artifacts.create(
    {
      kind: 'session',
      schema: ARTIFACT_SCHEMAS.session,
      stage: 'trade',
      settings: { strategy: file.strategy, venue: file.venue, account: file.account },
      inputs: [source, model.artifact].map(({ kind, id }) => ({ kind, id })),
      build: buildId(),
      content: sha256(canonicalJson(file)),
    },
    async (folder) => {
      await writeFile(join(folder, SESSION_FILE), `${JSON.stringify(file, null, 1)}\n`);
      const { positions, open_orders, schema: _, ...summary } = file;
      return { summary: { ...summary, positions: positions.length, open_orders: open_orders.length } };
    },
  );
  return artifact;
}
