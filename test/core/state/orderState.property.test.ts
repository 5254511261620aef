import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, sum } from '../../../src/core/domain/decimal.js';
import { ORDER_STATUSES, type OrderStatus } from '../../../src/core/domain/orders.js';
import {
  isTerminal,
  mergeFilled,
  mergeReport,
  type OrderReport,
  type OrderState,
} from '../../../src/core/state/index.js';

const start = (more: Partial<OrderState> = {}): OrderState => ({
  status: 'sending',
  closing: undefined,
  venueOrderId: undefined,
  venueStatus: undefined,
  reason: undefined,
  reportedQuantity: undefined,
  filledQuantity: '0',
  quantity: '100',
  ...more,
});
const report = (status: OrderStatus, more: Partial<OrderReport> = {}): OrderReport => ({
  clientOrderId: 'c',
  status,
  venueOrderId: 'v',
  ...more,
});

describe('cases', () => {
  test('F18 fill before new, cancelled after fill', () => {
    const filled = mergeFilled(start(), '100');
    expect(filled.status).toBe('filled');
    const late = mergeReport(mergeReport(filled, report('accepted')), report('canceled'));
    expect(late).toMatchObject({ status: 'filled', venueOrderId: 'v' });
  });

  test('F23 a cancel that loses the race against the fill', () => {
    const canceled = mergeReport(start(), report('canceled', { reportedQuantity: '0' }));
    expect(canceled.status).toBe('canceled');
    expect(mergeFilled(canceled, '100').status).toBe('filled');
    expect(mergeFilled(canceled, '40').status).toBe('canceled');
  });

  test('F24 pending_cancel lasts until the venue says otherwise in a full read', () => {
    const pending = mergeReport(start({ status: 'accepted', venueOrderId: 'v' }), report('pending_cancel'));
    expect(mergeReport(pending, report('accepted')).status).toBe('pending_cancel');
    expect(mergeReport(pending, report('accepted', { authoritative: true })).status).toBe('accepted');
    expect(mergeReport(pending, report('pending_replace', { authoritative: true })).status).toBe('pending_cancel');
  });

  test('F31 an unknown word keeps the order open and its progress', () => {
    expect(mergeReport(start(), report('unknown')).status).toBe('unknown');
    expect(mergeReport(start({ status: 'partially_filled' }), report('unknown')).status).toBe('partially_filled');
  });

  test('"filled" waits for the executions, by quantity or by what the venue reports for a notional order', () => {
    const waiting = mergeReport(start(), report('filled', { reportedQuantity: '100' }));
    expect(waiting).toMatchObject({ status: 'sending', closing: 'filled' });
    expect(mergeFilled(waiting, '60')).toMatchObject({ status: 'partially_filled', closing: 'filled' });
    expect(mergeFilled(waiting, '100')).toMatchObject({ status: 'filled', closing: undefined });
    const notional = mergeReport(start({ quantity: undefined }), report('filled', { reportedQuantity: '3.3' }));
    expect(mergeFilled(notional, '3.2').status).toBe('partially_filled');
    expect(mergeFilled(notional, '3.3').status).toBe('filled');
  });

  test('what we gave up comes back when the venue shows it', () => {
    const given = mergeReport(start(), { clientOrderId: 'c', status: 'expired', reason: 'never arrived' });
    expect(given.status).toBe('expired');
    expect(mergeReport(given, report('accepted')).status).toBe('accepted');
    expect(mergeReport(given, report('filled', { reportedQuantity: '100' }))).toMatchObject({ closing: 'filled' });
    expect(mergeFilled(given, '10').status).toBe('partially_filled');
  });

  test('a bust takes back quantity, not the status', () => {
    const filled = mergeFilled(start({ status: 'accepted', venueOrderId: 'v' }), '100');
    expect(mergeFilled(filled, '60')).toMatchObject({ status: 'filled', filledQuantity: '60' });
    // Unless it was complete by our count only: a fill came before the bust of an earlier one.
    const counted = mergeReport(mergeFilled(start(), '60'), report('partially_filled', { reportedQuantity: '60' }));
    expect(mergeFilled(mergeFilled(counted, '110'), '50').status).toBe('partially_filled');
    const told = mergeReport(mergeFilled(counted, '110'), report('filled', { reportedQuantity: '100' }));
    expect(mergeFilled(told, '50').status).toBe('filled');
  });
});

const anyReport = fc.record({
  status: fc.constantFrom(...ORDER_STATUSES.filter((s) => s !== 'intended' && s !== 'sending')),
  reportedQuantity: fc.option(fc.integer({ min: 0, max: 100 }).map(String), { nil: undefined }),
  authoritative: fc.boolean(),
});
type GeneratedReport = typeof anyReport extends fc.Arbitrary<infer T> ? T : never;
const anyStep = fc.oneof(
  anyReport.map((r) => ({ kind: 'report' as const, r })),
  fc.integer({ min: 1, max: 40 }).map((n) => ({ kind: 'fill' as const, n: String(n) })),
);

const reportOf = ({ status, reportedQuantity, authoritative }: GeneratedReport): OrderReport =>
  report(status, { authoritative, ...(reportedQuantity !== undefined && { reportedQuantity }) });

function play(steps: readonly (typeof anyStep extends fc.Arbitrary<infer T> ? T : never)[]) {
  let state = start();
  const fills: string[] = [];
  const history = [state];
  for (const step of steps) {
    if (step.kind === 'report') {
      state = mergeReport(state, reportOf(step.r));
    } else {
      fills.push(step.n);
      state = mergeFilled(state, sum(fills));
    }
    history.push(state);
  }
  return { state, fills, history };
}

/** What an order may become, by reports and executions in any order, doubled, late and taken back. */
const TRANSITIONS: Readonly<Record<string, string>> = {
  intended:
    'accepted canceled expired filled partially_filled pending_cancel pending_replace rejected replaced unknown',
  sending: 'accepted canceled expired filled partially_filled pending_cancel pending_replace rejected replaced unknown',
  unknown: 'accepted canceled expired filled partially_filled pending_cancel pending_replace rejected replaced',
  accepted: 'canceled expired filled partially_filled pending_cancel pending_replace rejected replaced',
  partially_filled: 'canceled expired filled pending_cancel pending_replace rejected replaced',
  // The venue refused the replace, or the cancel.
  pending_replace: 'accepted canceled expired filled partially_filled pending_cancel rejected replaced',
  pending_cancel: 'accepted canceled expired filled partially_filled rejected replaced',
  // Executions complete what was said to be over; one is taken back of what they alone had made filled.
  canceled: 'filled',
  expired: 'filled',
  rejected: 'filled',
  replaced: 'filled',
  filled: 'partially_filled',
};

describe('properties', () => {
  test('every transition that there is occurs, and no other', () => {
    const seen = new Map<string, Set<string>>();
    const step = fc.oneof(anyStep, fc.constant({ kind: 'bust' as const }));
    fc.assert(
      fc.property(
        fc.constantFrom<OrderStatus>('intended', 'sending', 'unknown'),
        fc.array(step, { maxLength: 30 }),
        (status, steps) => {
          let state = start({ status });
          const fills: string[] = [];
          for (const one of steps) {
            const before = state.status;
            if (one.kind === 'report') state = mergeReport(state, reportOf(one.r));
            else {
              if (one.kind === 'fill') fills.push(one.n);
              else fills.pop();
              state = mergeFilled(state, sum(fills));
            }
            if (state.status !== before) seen.set(before, (seen.get(before) ?? new Set()).add(state.status));
          }
        },
      ),
      { numRuns: 6000, seed: 9 },
    );
    const table = Object.fromEntries([...seen].map(([from, to]) => [from, [...to].sort().join(' ')]));
    expect(table).toEqual(TRANSITIONS);
  });

  test('a final status never ends, except that executions may complete it', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const { history } = play(steps);
        for (let i = 1; i < history.length; i++) {
          const [before, after] = [history[i - 1]!, history[i]!];
          if (!isTerminal(before.status)) continue;
          if (after.status !== before.status) {
            expect(after.status).toBe('filled');
            expect(compare(after.filledQuantity, '100')).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });

  test('the filled quantity is the sum of the executions, whatever is reported', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const { state, fills } = play(steps);
        expect(state.filledQuantity).toBe(sum(fills));
      }),
      { numRuns: 1000, seed: 2 },
    );
  });

  test('repeating a report or a sum changes nothing', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 20 }), anyReport, (steps, last) => {
        const { state } = play(steps);
        const once = mergeReport(state, reportOf(last));
        expect(mergeReport(once, reportOf(last))).toBe(once);
        expect(mergeFilled(once, once.filledQuantity)).toBe(once);
      }),
      { numRuns: 3000, seed: 3 },
    );
  });

  test('an order is not over while the venue counts more than is booked', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 30 }), (steps) => {
        const { history } = play(steps);
        for (let i = 1; i < history.length; i++) {
          const [before, after] = [history[i - 1]!, history[i]!];
          if (isTerminal(before.status) || !isTerminal(after.status) || after.status === 'filled') continue;
          expect(compare(after.filledQuantity, after.reportedQuantity ?? '0')).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 3000, seed: 4 },
    );
  });
});
