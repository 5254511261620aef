import type { TwsExecution, TwsOrder } from './book.js';

/** The server version that the fake announces: its messages have exactly the fields of that version. */
export const SERVER_VERSION = 178;

/** Messages of a client, by number. */
export const IN = {
  1: 'reqMktData',
  3: 'placeOrder',
  4: 'cancelOrder',
  7: 'reqExecutions',
  8: 'reqIds',
  9: 'reqContractDetails',
  16: 'reqAllOpenOrders',
  49: 'reqCurrentTime',
  59: 'reqMarketDataType',
  61: 'reqPositions',
  62: 'reqAccountSummary',
  63: 'cancelAccountSummary',
  64: 'cancelPositions',
  71: 'startApi',
  99: 'reqCompletedOrders',
} as const;
export type MessageName = (typeof IN)[keyof typeof IN];

export type Field = string | number | boolean | undefined;

const text = (field: Field): string =>
  field === undefined ? '' : typeof field === 'boolean' ? (field ? '1' : '0') : String(field);

/** Four bytes of length, then fields that each end with a NUL. */
export function frame(fields: readonly Field[]): Buffer {
  const body = Buffer.from(`${fields.map(text).join('\0')}\0`, 'utf8');
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** Cuts a stream of bytes into messages; the first is the greeting `API\0` with the range of versions. */
export class Unframer {
  private rest = Buffer.alloc(0);
  private greeted = false;

  push(data: Buffer): readonly string[][] {
    this.rest = Buffer.concat([this.rest, data]);
    const out: string[][] = [];
    if (!this.greeted && this.rest.length >= 4) {
      if (this.rest.subarray(0, 4).toString() !== 'API\0') throw new Error('no greeting');
      this.rest = this.rest.subarray(4);
      this.greeted = true;
    }
    while (this.rest.length >= 4) {
      const length = this.rest.readUInt32BE();
      if (this.rest.length < 4 + length) break;
      const message = this.rest.subarray(4, 4 + length).toString('utf8');
      this.rest = this.rest.subarray(4 + length);
      out.push(message.replace(/\0$/, '').split('\0'));
    }
    return out;
  }
}

/** Empty fields. */
const none = (count: number): Field[] => Array.from({ length: count }, () => '');

export interface TwsContract {
  readonly conId: number;
  readonly symbol: string;
  readonly primaryExch: string;
  readonly currency: string;
  readonly secType?: string;
}

const kind = (contract: TwsContract): string => contract.secType ?? 'STK';
/** conId … tradingClass, as orders, executions and positions have them. */
const contractFields = (c: TwsContract, exchange = 'SMART'): Field[] => [
  ...[c.conId, c.symbol, kind(c), '', 0, '', '', exchange, c.currency, c.symbol, c.symbol],
];

const orderHead = (o: TwsOrder): Field[] => [
  ...[o.action, o.total, o.orderType, o.lmtPrice, o.auxPrice, o.tif, o.ocaGroup, o.account, '', 0, o.orderRef],
];

export function openOrder(o: TwsOrder): readonly Field[] {
  return [
    ...[5, o.orderId, ...contractFields(o.contract), ...orderHead(o), o.clientId, o.permId, o.outsideRth, 0, 0, ''],
    // sharesAllocation, faGroup, faMethod, faPercentage, modelCode, goodTillDate, rule80A, percentOffset, settlingFirm
    ...none(9),
    // shortSaleSlot, designatedLocation, exemptCode, auctionStrategy
    ...[0, '', -1, 0],
    // startingPrice, stockRefPrice, delta, stockRangeLower, stockRangeUpper, displaySize
    ...none(6),
    // blockOrder, sweepToFill, allOrNone, minQty, ocaType, eTradeOnly, firmQuoteOnly, nbboPriceCap
    ...[0, 0, 0, '', o.ocaType, 0, 0, ''],
    ...[o.parentId, 0],
    // volatility, volatilityType, deltaNeutralOrderType, deltaNeutralAuxPrice, continuousUpdate, referencePriceType
    ...['', 0, '', '', 0, 0],
    ...[o.trailStopPrice, o.trailingPercent],
    // basisPoints, basisPointsType, comboLegsDescription, three counts, three of scale, hedgeType
    ...['', '', '', 0, 0, 0, '', '', '', ''],
    // optOutSmartRouting, clearingAccount, clearingIntent, notHeld, deltaNeutral, algoStrategy, solicited, whatIf
    ...[0, '', 'IB', 0, 0, '', 0, 0],
    o.status,
    ...none(12),
    // commissionCurrency, warningText
    ...['', ''],
    // randomizeSize, randomizePrice, conditions
    ...[0, 0, 0],
    // adjustedOrderType, triggerPrice, trailStopPrice, lmtPriceOffset, three adjusted prices, adjustableTrailingUnit
    ...['', '', o.trailStopPrice, '', '', '', '', 0],
    ...none(3),
    // cashQty, dontUseAutoPriceForHedge, isOmsContainer, discretionaryUpToLimitPrice, usePriceMgmtAlgo, duration,
    // postToAts, autoCancelParent
    ...['', 0, 0, 0, 0, '', '', 0],
    ...none(5),
  ];
}

export function completedOrder(o: TwsOrder, time: string): readonly Field[] {
  return [
    // TWS keeps no total for an order that was filled.
    ...[101, ...contractFields(o.contract), ...orderHead(o.status === 'Filled' ? { ...o, total: 0 } : o)],
    ...[o.permId, o.outsideRth, 0, 0, ''],
    ...none(8),
    ...[0, '', -1],
    ...none(6),
    // sweepToFill, allOrNone, minQty, ocaType, triggerMethod
    ...[0, 0, '', o.ocaType, 0],
    ...['', 0, '', '', 0, 0],
    ...[o.trailStopPrice, o.trailingPercent],
    ...['', 0, 0, 0, '', '', '', ''],
    // clearingAccount, clearingIntent, notHeld, deltaNeutral, algoStrategy, solicited
    ...['', 'IB', 0, 0, '', 0],
    o.status,
    ...[0, 0, 0],
    // trailStopPrice, lmtPriceOffset, cashQty, dontUseAutoPriceForHedge, isOmsContainer, autoCancelDate
    ...[o.trailStopPrice, '', '', 0, 0, ''],
    // filledQuantity, refFuturesConId, autoCancelParent, shareholder, imbalanceOnly, routeMarketableToBbo, parentPermId
    ...[o.filled, 0, 0, '', 0, 0, 0],
    ...[time, o.reason ?? o.status],
    ...none(5),
  ];
}

export const orderStatus = (o: TwsOrder, status: string = o.status): readonly Field[] => [
  ...[3, o.orderId, status, o.filled, o.total - o.filled, o.average, o.permId, o.parentId, 0, o.clientId, '', 0],
];

export const execution = (reqId: number, e: TwsExecution): readonly Field[] => [
  ...[11, reqId, e.order.orderId, ...contractFields(e.order.contract), e.execId, e.time, e.order.account, 'ARCA'],
  ...[e.order.action === 'BUY' ? 'BOT' : 'SLD', e.shares, e.price, e.order.permId, e.order.clientId, 0],
  ...[e.cumulative, e.price, e.order.orderRef, '', 0, '', 1, 0],
];

export const commissionReport = (e: TwsExecution): readonly Field[] => [
  ...[59, 1, e.execId, e.commission, 'USD', Number.MAX_VALUE, Number.MAX_VALUE, ''],
];

export const contractData = (reqId: number, c: TwsContract): readonly Field[] => [
  ...[10, reqId, c.symbol, kind(c), '', 0, '', 'SMART', c.currency, c.symbol, 'NMS', c.symbol, c.conId, 0.01, ''],
  ...['LMT,MKT,STP', 'SMART,ARCA', 1, 0, `${c.symbol} Inc.`, c.primaryExch, '', '', '', '', 'US/Eastern'],
  ...['', '', '', 0, 0, 1, '', '', '26', '', 'COMMON', 1, 1, 100],
];

export const position = (account: string, c: TwsContract, quantity: number, cost: number): readonly Field[] => [
  ...[61, 3, account, ...contractFields(c, ''), quantity, cost],
];

export const tickPrice = (reqId: number, type: number, price: number): readonly Field[] => [
  1,
  6,
  reqId,
  type,
  price,
  100,
  0,
];

export const tickString = (reqId: number, type: number, value: string): readonly Field[] => [46, 6, reqId, type, value];

export const snapshotEnd = (reqId: number): readonly Field[] => [57, 1, reqId];

export const dataType = (reqId: number, type: number): readonly Field[] => [58, 1, reqId, type];

export const errorMessage = (id: number, code: number, message: string): readonly Field[] => [
  ...[4, 2, id, code, message, ''],
];

/** The fields of a placed order that the fake needs; places are those of version 178 without combination legs. */
export function readOrder(f: readonly string[]) {
  const number = (i: number): number | undefined => (f[i] === '' || f[i] === undefined ? undefined : Number(f[i]));
  return {
    orderId: Number(f[1]),
    conId: Number(f[2]),
    symbol: f[3]!,
    exchange: f[9]!,
    action: f[16] as 'BUY' | 'SELL',
    total: Number(f[17]),
    orderType: f[18]!,
    lmtPrice: number(19),
    auxPrice: number(20),
    tif: f[21]!,
    ocaGroup: f[22]!,
    account: f[23]!,
    orderRef: f[26]!,
    transmit: f[27] === '1',
    parentId: number(28) ?? 0,
    outsideRth: f[33] === '1',
    ocaType: number(46) ?? 0,
    trailStopPrice: number(68),
    trailingPercent: number(69),
  };
}
