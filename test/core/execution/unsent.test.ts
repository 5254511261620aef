import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultInstrument } from '../../../src/core/domain/instrument.js';
import {
  commitIntents,
  type EmergencyPolicy,
  type OrderRequest,
  ProtectionKeeper,
  reconcile,
  sendError,
  submitOrders,
} from '../../../src/core/execution/index.js';
import type { ManualClock } from '../../../src/core/platform/index.js';
import { entry, SCOPE, T0 } from '../state/helpers.js';
import type { FakeVenue } from './fakeVenue.js';
import { type OpenExecution, openExecution } from './open.js';

/** Exits that cannot be sent for a while: the gateway restarts, the venue asks to wait, the network is down. */
let open: OpenExecution;
let venue: FakeVenue;
let clock: ManualClock;
/** What becomes of stops that are sent; undefined: they are taken. */
let stops: (() => unknown) | undefined;

const NOT_SENT = () => sendError('not_sent', 'SPY: the gateway is not connected.');
const SPY = defaultInstrument('SPY', '24/7');
const watch = { best: () => Number.NaN, last: () => undefined };

beforeEach(async () => {
  open = await openExecution();
  ({ venue, clock } = open);
  stops = undefined;
  const submit = venue.submit.bind(venue);
  venue.submit = (request: OrderRequest, id: string) =>
    stops !== undefined && request.type === 'stop' ? Promise.reject(stops()) : submit(request, id);
  const { context, lease } = open;
  await submitOrders(context, lease, await commitIntents(context, lease, T0, [entry()]));
  venue.fill(venue.open()[0]!, '10');
  await reconcile(context);
});
afterEach(() => open.close());

/** A look of a start of its own. */
function keep(emergency: EmergencyPolicy = 'exit') {
  const { context, lease } = open;
  const policy = { protection: { stopLoss: 0.1 }, emergency };
  return new ProtectionKeeper(context, [SPY], policy, watch).keep(lease);
}
const working = () => venue.open().map(({ request: { type, side, quantity } }) => `${side} ${quantity} ${type}`);
const state = async () => (await open.journal.state(SCOPE)).state;
const exposed = async () =>
  (await open.journal.events({ scope: SCOPE, types: ['note:exposed'] })).map(
    ({ body }) => (body as { seconds: number }).seconds,
  );

describe('a stop that cannot be sent', () => {
  test('is no refusal: nothing is closed, the strategy goes on, and a person is told until when it is tried', async () => {
    stops = NOT_SENT;
    const [told] = await keep();
    expect(told).toMatchObject({
      instrument: 'SPY',
      until: expect.any(Number),
      reason: expect.stringMatching(
        /could not be sent \(SPY: the gateway is not connected\); .* until 2026-01-05T15:02:/,
      ),
    });
    expect(working()).toEqual([]);
    expect(await state()).toBe('active');
  });

  test('goes out with a later look, and the seconds without it are on record', async () => {
    stops = NOT_SENT;
    await keep();
    clock.set(T0 + 60_000);
    stops = undefined;
    expect(await keep()).toEqual([]);
    expect(working()).toEqual(['sell 10 stop']);
    expect(await exposed()).toEqual([60]);
  });

  test('is waited for two minutes, across starts; then the emergency policy acts', async () => {
    stops = NOT_SENT;
    await keep();
    clock.set(T0 + 119_999);
    stops = () => sendError('not_sent', 'SPY: not sent', { retryAt: T0 + 600_000 });
    expect(await keep()).toMatchObject([{ until: expect.any(Number) }]);
    clock.set(T0 + 120_000);
    const [alarm] = await keep();
    expect(alarm).toMatchObject({ reason: 'its exits could not be sent for 120 s: SPY: not sent' });
    expect(alarm).not.toHaveProperty('until');
    expect(working()).toEqual(['sell 10 market']);
    expect(await state()).toBe('reducing');
    expect(await exposed()).toEqual([120]);
  });

  test.each(['canceled', 'expired'] as const)(
    'is counted anew after exits that were there and are %s',
    async (ended) => {
      stops = NOT_SENT;
      await keep();
      stops = undefined;
      await keep();
      const [stop] = venue.open();
      clock.set(T0 + 1_800_000);
      venue.end(stop!, ended);
      await reconcile(open.context);
      stops = NOT_SENT;
      expect(await keep()).toMatchObject([{ until: expect.any(Number) }]);
      clock.set(T0 + 1_830_000);
      stops = undefined;
      await keep();
      expect(working()).toEqual(['sell 10 stop']);
      const seconds = await exposed();
      expect(seconds).toHaveLength(2);
      expect(seconds[1]).toBeCloseTo(30, 0);
    },
  );
});

test('a stop that the venue refuses is not waited for', async () => {
  stops = () => sendError('rejected', 'SPY: no stops today');
  expect(await keep()).toMatchObject([{ reason: 'SPY: no stops today' }]);
  expect(working()).toEqual(['sell 10 market']);
  expect(await state()).toBe('reducing');
  expect(await exposed()).toEqual([0]);
});
