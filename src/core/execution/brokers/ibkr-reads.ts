import type { Contract, Execution, Order, OrderState } from '@stoqey/ib';
import type { IbkrSession } from '../../clients/ibkr/index.js';
import { decimal, type Quote, quoteOf } from '../../domain/index.js';
import { isQuantlineError } from '../../errors/index.js';
import type { BrokerAccount, BrokerExecution } from '../broker.js';
import {
  completedOrder,
  executionsFrom,
  openOrder,
  type SeenOrder,
  type StatusReport,
  unreadable,
} from './ibkr-read.js';

/** The questions that are asked of TWS, each with its whole answer or an error; never a part of one. */

export function serverTime(session: IbkrSession): Promise<number> {
  return session.ask<number>(
    'the time',
    ({ done }) => ({
      send: (api) => api.reqCurrentTime(),
      on: { currentTime: (seconds: number) => done(seconds * 1000) },
    }),
    'time',
  );
}

const TAGS = [
  'NetLiquidation',
  'TotalCashValue',
  'BuyingPower',
  'PreviousDayEquityWithLoanValue',
  'AccountReady',
  'DayTradesRemaining',
];
/** Day trades in five sessions that the rule of FINRA 4210(f)(8)(B) allows a small margin account. */
const DAY_TRADES_ALLOWED = 3;

export async function accountSummary(
  session: IbkrSession,
  account: string,
): Promise<Omit<BrokerAccount, 'id' | 'paper'>> {
  const values = new Map<string, { value: string; currency: string }>();
  await session.ask<void>('the account', ({ id, done }) => ({
    send: (api) => api.reqAccountSummary(id, 'All', TAGS.join(',')),
    on: {
      accountSummary: (about: number, of: string, tag: string, value: string, currency: string) => {
        if (about === id && of === account) values.set(tag, { value, currency });
      },
      accountSummaryEnd: (about: number) => {
        if (about !== id) return;
        // The summary goes on as a subscription, of which TWS allows two.
        session.send((api) => api.cancelAccountSummary(id));
        done();
      },
    },
  }));
  const money = (tag: string): string => {
    const value = values.get(tag)?.value;
    if (!decimal.isDecimal(value)) throw unreadable('account', tag);
    return value;
  };
  const previous = values.get('PreviousDayEquityWithLoanValue')?.value;
  // −1: as many as one likes.
  const left = Number(values.get('DayTradesRemaining')?.value);
  const ready = values.get('AccountReady')?.value !== 'false';
  return {
    currency: values.get('NetLiquidation')?.currency || 'USD',
    cash: money('TotalCashValue'),
    equity: money('NetLiquidation'),
    buyingPower: money('BuyingPower'),
    lastEquity: decimal.isDecimal(previous) ? previous : undefined,
    blocked: !ready,
    ...(ready ? {} : { reason: 'TWS has not loaded the account yet' }),
    // Whether it may sell short is told by no field; an order that it may not place is refused with words.
    shortingEnabled: true,
    ...(left >= 0 && { dayTrades: Math.max(0, DAY_TRADES_ALLOWED - left) }),
  };
}

export interface PositionRow {
  readonly account: string;
  readonly contract: Contract;
  readonly quantity: number;
  readonly averageCost: number | undefined;
}

export function positions(session: IbkrSession): Promise<readonly PositionRow[]> {
  const rows: PositionRow[] = [];
  return session.ask<readonly PositionRow[]>(
    'positions',
    ({ done, fail }) => ({
      send: (api) => api.reqPositions(),
      on: {
        position: (account: string, contract: Contract, quantity: number | undefined, averageCost?: number) => {
          if (quantity === undefined || Number.isNaN(quantity)) fail(unreadable('position', 'its quantity'));
          else rows.push({ account, contract, quantity, averageCost });
        },
        positionEnd: () => {
          session.send((api) => api.cancelPositions());
          done(rows);
        },
      },
    }),
    'positions',
  );
}

/** Orders of all clients, those placed by hand included. */
export function openOrders(session: IbkrSession, account: string): Promise<readonly SeenOrder[]> {
  const orders = new Map<number, [Contract, Order, OrderState]>();
  const reports = new Map<number, StatusReport>();
  return session.ask<readonly SeenOrder[]>(
    'open orders',
    ({ done, fail }) => ({
      send: (api) => api.reqAllOpenOrders(),
      on: {
        openOrder: (_id: number, contract: Contract, order: Order, state: OrderState) => {
          if (order.account === account) orders.set(order.permId ?? 0, [contract, order, state]);
        },
        orderStatus: (
          _id: number,
          status: string,
          filled: number,
          _rest: number,
          averagePrice: number,
          permId: number,
        ) => void reports.set(permId, { status, filled, averagePrice }),
        openOrderEnd: () => {
          try {
            const seen = [...orders].map(([permId, one]) => openOrder(...one, reports.get(permId)));
            for (const { orderId, clientId } of seen) if (clientId === session.clientId) session.usedOrderId(orderId);
            done(seen);
          } catch (error) {
            fail(error);
          }
        },
      },
    }),
    'open-orders',
  );
}

/** Orders that ended today, whoever placed them. */
export function completedOrders(session: IbkrSession, account: string, zone: string): Promise<readonly SeenOrder[]> {
  const seen: SeenOrder[] = [];
  return session.ask<readonly SeenOrder[]>(
    'completed orders',
    ({ done, fail }) => ({
      send: (api) => api.reqCompletedOrders(false),
      on: {
        completedOrder: (contract: Contract, order: Order, state: OrderState) => {
          try {
            if (order.account === account) seen.push(completedOrder(contract, order, state, zone));
          } catch (error) {
            fail(error);
          }
        },
        completedOrdersEnd: () => done(seen),
      },
    }),
    'completed-orders',
  );
}

/** Reports of costs follow their executions, some after the end of the list. */
const REPORTS_MS = 500;

/** Executions of the day with their costs. */
export async function executions(
  session: IbkrSession,
  account: string,
  zone: string,
): Promise<readonly BrokerExecution[]> {
  const found: [Contract, Execution][] = [];
  const costs = new Map<string, object>();
  await session.ask<void>('executions', ({ id, done }) => {
    let ended = false;
    const complete = (): void => {
      if (ended && found.every(([, { execId }]) => costs.has(execId ?? ''))) done();
    };
    return {
      send: (api) => api.reqExecutions(id, { acctCode: account }),
      on: {
        execDetails: (about: number, contract: Contract, execution: Execution) => {
          if (about === id && execution.acctNumber === account) found.push([contract, execution]);
        },
        commissionReport: (report: { execId?: string }) => {
          costs.set(report.execId ?? '', report);
          complete();
        },
        execDetailsEnd: (about: number) => {
          if (about !== id) return;
          ended = true;
          complete();
          setTimeout(done, REPORTS_MS).unref();
        },
      },
    };
  });
  return found.flatMap(([contract, one]) => executionsFrom(contract, one, costs.get(one.execId ?? ''), zone));
}

/** Contracts that fit a description; none where TWS says that there is none. */
export async function contracts(session: IbkrSession, query: Contract): Promise<readonly Contract[]> {
  const found: Contract[] = [];
  try {
    return await session.ask<readonly Contract[]>('a contract', ({ id, done }) => ({
      send: (api) => api.reqContractDetails(id, query),
      on: {
        contractDetails: (about: number, details: { contract: Contract }) => {
          if (about === id) found.push(details.contract);
        },
        contractDetailsEnd: (about: number) => {
          if (about === id) done(found);
        },
      },
    }));
  } catch (error) {
    if (isQuantlineError(error) && error.details['code'] === 200) return [];
    throw error;
  }
}

/** Live, and what stands in for it without a subscription or while the market is closed. */
const DELAYED_FROZEN = 4;
const DELAY_MS = 15 * 60_000;
/** Tick types of a snapshot, live and delayed. */
const PRICES: Readonly<Record<number, 'bid' | 'ask' | 'last'>> = {
  ...{ 1: 'bid', 2: 'ask', 4: 'last' },
  ...{ 66: 'bid', 67: 'ask', 68: 'last' },
};
const LAST_TIMES: ReadonlySet<number> = new Set([45, 88]);

/** One snapshot; none where TWS has no price. Bid and ask carry no time of their own: live ones are of now. */
export async function quote(
  session: IbkrSession,
  instrument: string,
  contract: Contract,
  now: number,
): Promise<readonly Quote[]> {
  const prices: { bid?: number; ask?: number; last?: number } = {};
  let live = true;
  let traded: number | undefined;
  await session.ask<void>(`the quote of ${instrument}`, ({ id, done }) => ({
    send: (api) => {
      api.reqMarketDataType(DELAYED_FROZEN);
      api.reqMktData(id, contract, '', true, false);
    },
    on: {
      marketDataType: (about: number, type: number) => {
        if (about === id) live = type === 1;
      },
      tickPrice: (about: number, type: number, price: number) => {
        const field = about === id ? PRICES[type] : undefined;
        if (field !== undefined) prices[field] = price;
      },
      tickString: (about: number, type: number, value: string) => {
        if (about === id && LAST_TIMES.has(type) && /^\d+$/.test(value)) traded = Number(value) * 1000;
      },
      tickSnapshotEnd: (about: number) => {
        if (about === id) done();
      },
    },
  }));
  const found = quoteOf(instrument, prices, live ? now : (traded ?? now - DELAY_MS), traded);
  return found === undefined ? [] : [found];
}
