import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BrokerEvent } from '../../../../src/core/execution/index.js';
import { bookEvent, bookExecutions } from '../../../../src/core/execution/index.js';
import * as faults from '../../../fakes/alpaca/faults.js';
import { buy, Rig } from '../../../fakes/alpaca/rig.js';

let rig: Rig;
let controller: AbortController;
let events: BrokerEvent[];
let running: Promise<void>;
let failure: unknown;
beforeEach(async () => {
  rig = await Rig.start();
  controller = new AbortController();
  events = [];
  failure = undefined;
  // Waits of the adapter end when a test moves the clock, as they do in a venue's real time.
  rig.clock.sleep = (ms, signal) => {
    const until = rig.clock.now() + ms;
    return new Promise((resolve, reject) => {
      const timer = setInterval(() => {
        if (signal?.aborted) reject(signal.reason);
        else if (rig.clock.now() >= until) resolve();
        else return;
        clearInterval(timer);
      }, 2);
    });
  };
});
afterEach(async () => {
  controller.abort(new Error('stop'));
  await running;
  await rig.close();
});

const watch = async () => {
  running = (async () => {
    for await (const event of rig.broker.events!(controller.signal)) events.push(event);
  })().catch((error: unknown) => {
    failure = error;
  });
  await until(() => events.some((event) => event.type === 'connected'));
};
const until = async (condition: () => boolean, what = 'the condition'): Promise<void> => {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${what} did not come about; events: ${JSON.stringify(events.map((event) => event.type))}`);
};
const fills = () => events.filter((event) => event.type === 'execution').map((event) => event.execution.executionId);
const order = (more = {}) =>
  rig.venue.book.place({
    symbol: 'AAPL',
    side: 'buy',
    type: 'limit',
    qty: '10',
    limit_price: '99',
    time_in_force: 'day',
    ...more,
  }) as {
    id: string;
  };
const advance = (ms: number) => rig.clock.set(rig.clock.now() + ms);
const execution = (fill: { id: string }) => expect.stringMatching(new RegExp(`::${fill.id}$`));

describe('trade updates', () => {
  it('brings orders from the stream and each fill once, under its one id', async () => {
    await watch();
    const { id } = order();
    const first = rig.venue.book.fill(id, 4);
    await until(() => fills().length === 1);
    const second = rig.venue.book.fill(id);
    await until(() => fills().length === 2);
    expect(fills()).toEqual([execution(first), execution(second)]);
    expect(events.filter((event) => event.type === 'order').map((event) => event.order.status)).toEqual([
      'accepted',
      'partially_filled',
      'filled',
    ]);
    advance(31_000);
    await until(() => rig.venue.count('GET /v2/account/activities') >= 3);
    expect(fills()).toHaveLength(2);
    expect(rig.venue.violations).toEqual([]);
  });

  it('F16 a mute stream: polling finds the fill and opens the stream again', async () => {
    await watch();
    const { id } = order();
    rig.venue.streams.mute = true;
    const fill = rig.venue.book.fill(id);
    advance(31_000);
    await until(() => fills().length === 1, 'the fill');
    expect(fills()).toEqual([execution(fill)]);
    await until(() => rig.venue.streams.connections === 2, 'the new connection');
    await until(() => events.filter((event) => event.type === 'connected').length === 2);
    expect(rig.said.join()).toMatch(/was never announced/);
  });

  it('F16 a closed market: nothing happens, and no reconnect', async () => {
    rig.venue.isOpen = false;
    rig.venue.streams.mute = true;
    await watch();
    for (let i = 0; i < 10; i++) {
      const before = rig.venue.count('GET /v2/account/activities');
      await until(() => {
        advance(2000);
        return rig.venue.count('GET /v2/account/activities') > before;
      });
    }
    expect(rig.venue.streams.connections).toBe(1);
    expect(events).toEqual([{ type: 'connected' }]);
  });

  it('F17 a fill while the stream is down: both sides of the gap are announced, the fill is read once', async () => {
    await watch();
    const { id } = order();
    await until(() => events.some((event) => event.type === 'order'));
    rig.venue.streams.drop();
    await until(() => events.some((event) => event.type === 'disconnected'));
    const fill = rig.venue.book.fill(id);
    advance(5000);
    await until(() => events.filter((event) => event.type === 'connected').length === 2);
    const page = await rig.broker.executions(undefined);
    expect(page.executions.map((one) => one.executionId)).toEqual([execution(fill)]);
    advance(31_000);
    await until(() => fills().length === 1);
    expect(fills()).toEqual([execution(fill)]);
  });

  it('F18 duplicate and reordered events: booked once, states never go back', async () => {
    const [record] = await rig.submit(buy({ type: 'limit', limitPrice: '99.00' }));
    await watch();
    rig.venue.streams.duplicate = true;
    rig.venue.streams.reorder = true;
    rig.venue.book.fill(record!.venueOrderId!, 4);
    rig.venue.book.fill(record!.venueOrderId!);
    rig.venue.streams.flush();
    rig.venue.streams.flush();
    await until(() => fills().length === 2);
    await until(() => events.filter((event) => event.type === 'order').length === 2);
    for (const event of [...events, ...events]) {
      await bookEvent(rig.context, event);
      if (event.type === 'execution') await bookExecutions(rig.context, [event.execution]);
    }
    expect(await rig.journal.order(record!.clientOrderId)).toMatchObject({ status: 'filled', filledQuantity: '10' });
    rig.clock.sleep = async (ms) => advance(ms);
    await rig.oracle();
  });

  it('F19 one lost fill event on a healthy connection: polling finds it', async () => {
    await watch();
    const { id } = order();
    rig.venue.streams.lose.add('partial_fill');
    const fill = rig.venue.book.fill(id, 3);
    advance(31_000);
    await until(() => fills().length === 1);
    expect(fills()).toEqual([execution(fill)]);
  });

  const refused = (status: number) => () => {
    rig.venue.streams.refuse.push(status, status, status);
    return rig.venue.streams.refuse;
  };
  const told = (text: string) => () => {
    rig.venue.streams.refuseListening.push(...Array(3).fill({ code: 406, text }));
    return rig.venue.streams.refuseListening;
  };
  it.each<[string, () => { readonly length: number }]>([
    ['429', refused(429)],
    ['406', refused(406)],
    ['a 406 of the stream itself', told('connection limit exceeded')],
    ['a 406 in other words', told('too many clients')],
  ])('F20 %s on reconnecting: backs off without a storm, and polls meanwhile', async (_, refuse) => {
    await watch();
    const { id } = order();
    await until(() => events.some((event) => event.type === 'order'));
    const refusals = refuse();
    rig.venue.streams.drop();
    await until(() => events.some((event) => event.type === 'disconnected'));
    const fill = rig.venue.book.fill(id);
    const start = rig.clock.now();
    const back = () => events.filter((event) => event.type === 'connected').length === 2;
    for (let i = 0; i < 60 && !back(); i++) {
      advance(5000);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    expect(back()).toBe(true);
    expect(refusals).toHaveLength(0);
    expect(rig.clock.now() - start).toBeGreaterThanOrEqual(90_000);
    expect(fills()).toEqual([execution(fill)]);
    expect(failure).toBeUndefined();
    expect(rig.said.join()).not.toMatch(/never announced/);
    expect(rig.venue.violations).toEqual([]);
  });

  it('F21 keys revoked in the middle: it stops with the reason and does not try again', async () => {
    await watch();
    rig.venue.streams.revoked = true;
    rig.venue.streams.drop();
    await until(() => events.some((event) => event.type === 'disconnected'));
    advance(2000);
    await until(() => failure !== undefined, 'the end');
    expect(failure).toMatchObject({ code: 'CREDENTIALS', message: expect.stringMatching(/keys were not accepted/) });
    const { connections } = rig.venue.streams;
    advance(600_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(rig.venue.streams.connections).toBe(connections);
  });

  it('F21 keys revoked for REST only: polling stops it as well', async () => {
    await watch();
    rig.venue.arm('GET /v2/account/activities', faults.reply(401, { message: 'request is not authorized' }));
    advance(31_000);
    await until(() => failure !== undefined, 'the end');
    expect(failure).toMatchObject({ code: 'CREDENTIALS' });
  });

  it('F31 unknown events and broken orders are logged, and orders are read again', async () => {
    await watch();
    const { id } = order();
    await until(() => events.length === 2);
    rig.venue.streams.send({
      stream: 'trade_updates',
      data: { event: 'quantum', order: { ...raw(id), status: 'quantum' } },
    });
    rig.venue.streams.send({
      stream: 'trade_updates',
      data: { event: 'fill', order: { ...raw(id), filled_qty: null } },
    });
    rig.venue.streams.send({ stream: 'news', data: {} });
    rig.venue.streams.send('nonsense');
    await until(() => events.length === 4);
    expect(events.slice(2)).toMatchObject([
      { type: 'order', order: { status: 'unknown', venueStatus: 'quantum' } },
      { type: 'connected' },
    ]);
    expect(rig.said.join()).toMatch(/event could not be read/);
  });
});

const raw = (id: string): Record<string, unknown> => ({
  id,
  client_order_id: 'x',
  symbol: 'AAPL',
  side: 'buy',
  type: 'limit',
  status: 'new',
  qty: '10',
  filled_qty: '0',
});
