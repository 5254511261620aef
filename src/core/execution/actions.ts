import { absolute, compare, multiply, subtract } from '../domain/decimal.js';
import { applyToQuantity, type CorporateActionRecord } from '../state/index.js';
import type { BrokerPosition } from './broker.js';
import type { ExecutionContext } from './context.js';
import { compareHoldings, type ExternalHolding, unitsOf } from './holdings.js';

/** A corporate action of what is owned, as known before its session. */
export interface AnnouncedAction extends CorporateActionRecord {
  /** The open of its session: at some time of the night before, venues apply it. Absent: it is in force. */
  readonly opens?: number;
}

export const inForce = ({ opens }: AnnouncedAction, now: number): boolean => opens === undefined || opens <= now;

/** Records actions in force, each once, and returns those whose session is still to open. */
export async function applyInForce(
  context: ExecutionContext,
  actions: readonly AnnouncedAction[],
): Promise<readonly AnnouncedAction[]> {
  const now = context.clock.now();
  for (const action of actions) if (inForce(action, now)) await record(context, action);
  return actions.filter((action) => !inForce(action, now));
}

/**
 * Records those actions that the venue has applied by now: it holds what they leave of everything owned in the account,
 * and of the external units that were there `before`: more than that may be these, not yet split. Nobody says at what
 * time of the night a venue does it, and clocks may differ. Returns whether one was new.
 */
export async function applyDone(
  context: ExecutionContext,
  actions: readonly AnnouncedAction[],
  positions: readonly BrokerPosition[],
  before: readonly ExternalHolding[],
): Promise<boolean> {
  const { journal, scope } = context;
  let changed = false;
  for (const action of actions) {
    const owned = await journal.positions({ venue: scope.venue, account: scope.account });
    const names = [action.instrument, action.becomes];
    const left = owned.map(({ instrument, quantity }) =>
      instrument === action.instrument
        ? { instrument: action.becomes ?? instrument, quantity: applyToQuantity(quantity, action) }
        : { instrument, quantity },
    );
    const { external, differences } = compareHoldings(left, positions);
    if (differences.some(({ instrument }) => names.includes(instrument))) continue;
    if (action.type === 'split' && !follows(action, before, external)) continue;
    changed = (await record(context, action)) || changed;
  }
  return changed;
}

/** Whether external units went the way of a split: all but a fraction of a unit, which is paid out. */
function follows(
  { instrument, value }: AnnouncedAction,
  before: readonly ExternalHolding[],
  after: readonly ExternalHolding[],
): boolean {
  const expected = multiply(unitsOf(before, instrument), value!);
  return compare(absolute(subtract(unitsOf(after, instrument), expected)), '1') < 0;
}

function record(
  { journal, scope, clock }: ExecutionContext,
  { opens: _, ...action }: AnnouncedAction,
): Promise<boolean> {
  return journal.recordCorporateAction(scope, action, clock.now());
}
