import { absolute, compare, type DecimalText, signOf, subtract } from '../../domain/decimal.js';
import type { Instrument } from '../../domain/instrument.js';
import type { Protection } from '../../domain/orders.js';
import type { FillRecord, Lease, OrderRecord, PositionRecord } from '../../state/index.js';
import { lacksLegs } from '../attached.js';
import type { BrokerOrder, OrderRequest } from '../broker.js';
import { type ExecutionContext, limitsOf } from '../context.js';
import { amendOrder, replaceOrder, tryCancel } from '../outcome.js';
import { commitIntents, submitOrders } from '../submit.js';
import {
  closeAtMarket,
  closes,
  type EmergencyPolicy,
  emergency,
  lastSlot,
  takeDown,
  type Unprotected,
} from './emergency.js';
import { heldAt, type Levels, levelsOf, protectiveOrder } from './levels.js';
import { type NotPlaced, notPlaced, patience, unsentSince } from './unsent.js';

export interface ProtectionPolicy {
  readonly protection: Protection;
  readonly emergency: EmergencyPolicy;
}

/** Prices of our own bars that protection is watched by, in shares as they were at `since`: later splits turned back. */
export interface PriceWatch {
  /** Best price for a position of this direction in the bars from `since` on; NaN: none. */
  best(instrument: string, since: number, direction: number): number;
  /** The newest bar; undefined where it was over before `since`. */
  last(instrument: string, since: number): { readonly high: number; readonly low: number } | undefined;
}

/**
 * Keeps exits at the venue for what is held: sized to what was filled, at prices from the average fill. What the venue
 * cannot hold is watched bar by bar. Can be repeated at any time; a kill in between leaves work for the next time.
 */
export class ProtectionKeeper {
  private readonly instruments: ReadonlyMap<string, Instrument>;
  /** Lots whose exposure is on record. */
  private readonly noted = new Set<string>();
  private shown: ReadonlyMap<string, BrokerOrder> = new Map();

  constructor(
    private readonly context: ExecutionContext,
    instruments: readonly Instrument[],
    private readonly policy: ProtectionPolicy,
    private readonly watch: PriceWatch,
  ) {
    this.instruments = new Map(instruments.map((each) => [each.id, each]));
  }

  /**
   * Returns what could not be protected, after the emergency policy was applied to it where that is due. `listed`: the
   * open orders as the venue showed them last.
   */
  async keep(lease: Lease, listed: readonly BrokerOrder[] = []): Promise<readonly Unprotected[]> {
    const { journal, scope } = this.context;
    this.shown = new Map(listed.map((order) => [order.venueOrderId, order]));
    const unprotected: Unprotected[] = [];
    for (const position of await journal.positions(scope)) {
      const instrument = this.instruments.get(position.instrument);
      if (instrument === undefined) continue;
      const problem = await this.one(lease, position, instrument);
      if (problem !== undefined) unprotected.push(problem);
    }
    const open = await journal.orders({ scope, open: true });
    await this.dropOutlived(open);
    await this.dropHalfSent(open);
    return unprotected;
  }

  /**
   * Entries of which only a part reached the venue: their sender was killed between two parts. TWS keeps such an order
   * and never works it, and a person who sets it free would buy without exits.
   */
  private async dropHalfSent(open: readonly OrderRecord[]): Promise<void> {
    const { clock, logger, broker } = this.context;
    const { invisibleFor } = limitsOf(this.context);
    for (const order of open) {
      const { leg, status, request, venueOrderId, filledQuantity, sentAt, createdAt, instrument } = order;
      const untouched = status === 'accepted' && venueOrderId !== undefined && signOf(filledQuantity) === 0;
      if (leg !== 'entry' || !untouched || clock.now() - (sentAt ?? createdAt) < invisibleFor) continue;
      if ((request.takeProfit ?? request.stopLoss) === undefined || !(await lacksLegs(this.context, order, [])))
        continue;
      logger.warn(`${instrument}: only a part of its entry and exits reached ${broker.venue}; it is cancelled.`);
      await tryCancel(this.context, order);
    }
  }

  /** Exits of what is not held any more (a fill was taken back, a person has sold): they would open a position. */
  private async dropOutlived(open: readonly OrderRecord[]): Promise<void> {
    const { journal, scope } = this.context;
    const ids = new Set(open.map(({ clientOrderId }) => clientOrderId));
    // Exits of an entry that works are its own.
    const resting = ({ leg, status, parent }: OrderRecord) =>
      (leg === 'stop' || leg === 'target') && status === 'accepted' && !ids.has(parent ?? '');
    for (const order of open.filter(resting)) {
      if (signOf((await journal.position(scope, order.instrument))?.quantity ?? '0') !== 0) continue;
      this.context.logger.info(`${order.instrument}: an exit has outlived its position and is cancelled.`);
      await tryCancel(this.context, order);
    }
  }

  private async one(lease: Lease, held: PositionRecord, instrument: Instrument): Promise<Unprotected | undefined> {
    const { journal, scope, broker, clock } = this.context;
    let open = await this.openOf(instrument.id);
    if (open.some(closes)) return undefined;
    const [lot] = held.lots;
    if (lot === undefined || lot.leg !== 'entry') return undefined;
    // What an entry has triggered rests beside the position, which is protected meanwhile, and again as it grows.
    const triggered = (order: OrderRecord) =>
      order.parent !== undefined && !open.some(({ clientOrderId }) => clientOrderId === order.parent);
    const entries = open.filter((order) => order.leg === 'entry' && !triggered(order));
    if (entries.length > 0) {
      // Attached exits are armed once the entry is complete: until then what has filled is exposed.
      if (clock.now() - lot.time < limitsOf(this.context).partialEntryFor) return undefined;
      if (!(await takeDown(this.context, open))) return undefined;
      open = [];
    }
    const position = (await journal.position(scope, instrument.id)) ?? held;
    if (signOf(position.quantity) === 0) return undefined;
    const direction = signOf(position.quantity);
    const average = Number(position.averagePrice);
    const [fill] = await journal.fills({ scope, executionId: lot.executionId });
    // A split since then has changed the price of the lot and left that of its fill.
    const ratio = fill === undefined ? 1 : Number(fill.price) / Number(lot.price);
    const best = this.watch.best(instrument.id, lot.time, direction) / ratio;
    const levels = levelsOf(this.policy.protection, instrument, direction, average, best);
    const before = await this.placedSince(instrument.id, fill);
    const refused = before.find(({ status, replaces }) => status === 'rejected' && replaces === undefined);
    if (refused !== undefined)
      return this.alarm(
        lease,
        position,
        `the venue refused its ${refused.leg}: ${refused.reason ?? refused.venueStatus}`,
      );
    const size = absolute(position.quantity);
    const wanted = heldAt(broker.capabilities, instrument, levels);
    const purpose = this.reached(position, { since: lot.time, ratio }, levels, wanted);
    if (purpose !== undefined) {
      await this.noteExposure(instrument.id, lot.executionId, lot.time);
      // Nothing is armed meanwhile: a venue that is slow to cancel would be asked the same at every look.
      if (await takeDown(this.context, await this.openOf(instrument.id)))
        await closeAtMarket(this.context, lease, instrument.id, purpose);
      return undefined;
    }
    const stop = open.find(({ leg }) => leg === 'stop');
    const target = open.find(({ leg }) => leg === 'target');
    const covered =
      (!wanted.stop || (covers(stop, size) && this.isAsShown(stop))) &&
      (!wanted.target || (covers(target, size) && this.isAsShown(target))) &&
      (wanted.stop || wanted.target);
    if (wanted.stop || wanted.target) {
      const problem = covered
        ? await this.move(lease, open, levels, instrument)
        : await this.arm(lease, open, instrument, levels);
      if (problem !== undefined) return this.failed(lease, position, problem, fill);
    }
    await this.noteExposure(instrument.id, lot.executionId, lot.time, unsentSince(before));
    return undefined;
  }

  /** Whether an exit is for as much as its record says: a split scales the record, and not every venue its orders. */
  private isAsShown({ venueOrderId, request }: OrderRecord): boolean {
    const { quantity } = this.shown.get(venueOrderId ?? '') ?? {};
    return quantity === undefined || request.quantity === undefined || compare(quantity, request.quantity) === 0;
  }

  /** A refusal is final; what could not be sent is tried again by the next look, for a while. */
  private async failed(
    lease: Lease,
    position: PositionRecord,
    { why, reason }: NotPlaced,
    fill: FillRecord | undefined,
  ): Promise<Unprotected> {
    const { instrument } = position;
    if (why === 'refused') return this.alarm(lease, position, reason);
    const since = unsentSince(await this.placedSince(instrument, fill));
    const told = patience(this.context, since ?? this.context.clock.now(), reason);
    return told.until === undefined ? this.alarm(lease, position, told.reason) : { instrument, ...told };
  }

  private async alarm(lease: Lease, position: PositionRecord, reason: string): Promise<Unprotected> {
    const alarm = await emergency(this.context, lease, position, reason, this.policy.emergency);
    const [lot] = position.lots;
    await this.noteExposure(position.instrument, lot!.executionId, lot!.time);
    return alarm;
  }

  private async openOf(instrument: string): Promise<readonly OrderRecord[]> {
    const { journal, scope } = this.context;
    return journal.orders({ scope, instrument, open: true });
  }

  /** Protective orders of a position since its entry, open ones included. */
  private async placedSince(instrument: string, fill: FillRecord | undefined): Promise<readonly OrderRecord[]> {
    const { journal, scope } = this.context;
    const entry = fill === undefined ? undefined : await journal.order(fill.clientOrderId);
    if (entry === undefined) return [];
    const orders = await journal.orders({ scope, instrument, fromSlot: entry.slot });
    return orders.filter(({ leg }) => leg === 'stop' || leg === 'target');
  }

  /** Places exits for the whole position; what is wrong where they are not at the venue then. */
  private async arm(
    lease: Lease,
    open: readonly OrderRecord[],
    instrument: Instrument,
    levels: Levels,
  ): Promise<NotPlaced | undefined> {
    const { journal, scope, broker } = this.context;
    if (
      !(await takeDown(
        this.context,
        open.filter(({ leg }) => leg !== 'entry'),
      ))
    )
      return undefined;
    const position = await journal.position(scope, instrument.id);
    if (position === undefined || signOf(position.quantity) === 0) return undefined;
    const order = protectiveOrder(
      this.policy.protection,
      instrument,
      broker.capabilities,
      signOf(position.quantity),
      absolute(position.quantity),
      levels,
    );
    if (order === undefined) return undefined;
    const recorded = await commitIntents(this.context, lease, await lastSlot(this.context), [order]);
    const [sent] = await submitOrders(this.context, lease, recorded);
    return notPlaced(sent!);
  }

  /**
   * Moves what rests at the venue to where it belongs now: in place, where a refusal leaves it where it is; where the
   * venue does not change orders they are taken down and placed anew, and what is wrong comes back where they are not taken.
   */
  private async move(
    lease: Lease,
    open: readonly OrderRecord[],
    levels: Levels,
    instrument: Instrument,
  ): Promise<NotPlaced | undefined> {
    const { broker, logger } = this.context;
    const stop = open.find(({ leg }) => leg === 'stop');
    const target = open.find(({ leg }) => leg === 'target');
    const trailed = stop?.request.type === 'trailing_stop';
    const limit = target?.request.limitPrice ?? target?.request.takeProfit?.limitPrice;
    const stopMoves =
      stop !== undefined && levels.stop !== undefined && !trailed && differs(stop.request.stopPrice, levels.stop);
    const targetMoves = target !== undefined && levels.target !== undefined && differs(limit, levels.target);
    if (!stopMoves && !targetMoves) return undefined;
    if (!broker.capabilities.replace) return this.arm(lease, open, instrument, levels);
    const change = async (order: OrderRecord, prices: { stopPrice?: string; limitPrice?: string }) => {
      if (order.status !== 'accepted' || order.venueOrderId === undefined) return;
      const { takeProfit: _, stopLoss: __, ...request } = { ...order.request, ...prices };
      const refused =
        broker.amend === undefined
          ? await this.replaced(lease, order, request)
          : await amendOrder(this.context, lease, order, request);
      if (refused !== undefined) logger.warn(`${instrument.id}: the ${order.leg} was not moved: ${refused}.`);
    };
    if (stopMoves) await change(stop, { stopPrice: levels.stop! });
    if (targetMoves) await change(target, { limitPrice: levels.target! });
    return undefined;
  }

  private async replaced(lease: Lease, { clientOrderId, leg }: OrderRecord, request: OrderRequest) {
    const until = this.context.clock.now() + limitsOf(this.context).takeDownFor;
    const next = await replaceOrder(this.context, lease, clientOrderId, { leg, request }, until);
    return next?.status === 'rejected' ? (next.reason ?? 'refused') : undefined;
  }

  /** Whether our own bars have reached an exit that no order at the venue stands for. */
  private reached(
    { instrument, quantity }: PositionRecord,
    { since, ratio }: { readonly since: number; readonly ratio: number },
    levels: Levels,
    held: { readonly stop: boolean; readonly target: boolean },
  ): 'stop_loss' | 'take_profit' | undefined {
    const bar = this.watch.last(instrument, since);
    if (bar === undefined) return undefined;
    const long = signOf(quantity) > 0;
    const [best, worst] = long ? [bar.high / ratio, bar.low / ratio] : [bar.low / ratio, bar.high / ratio];
    const beyond = (level: string, price: number) => (long ? price >= Number(level) : price <= Number(level));
    const within = (level: string, price: number) => (long ? price <= Number(level) : price >= Number(level));
    if (!held.stop && levels.stop !== undefined && within(levels.stop, worst)) return 'stop_loss';
    if (!held.target && levels.target !== undefined && beyond(levels.target, best)) return 'take_profit';
    return undefined;
  }

  /**
   * How long what was bought stood without an exit at the venue: once a position, and again where later exits could not be
   * sent since `unsent`.
   */
  private async noteExposure(instrument: string, lot: string, since: number, unsent?: number): Promise<void> {
    const { journal, scope, clock } = this.context;
    const first = !(await this.isNoted(lot));
    if (!first && unsent === undefined) return;
    const from = first ? since : unsent!;
    const protective = (await this.openOf(instrument)).filter(({ leg }) => leg !== 'entry');
    if (!first && protective.length === 0) return;
    const armed = Math.min(
      clock.now(),
      ...protective.map(({ sentAt, createdAt }) => Math.max(from, sentAt ?? createdAt)),
    );
    const seconds = Math.max(0, armed - from) / 1000;
    await journal.note(scope, 'exposed', { instrument, lot, seconds }, clock.now());
  }

  private async isNoted(lot: string): Promise<boolean> {
    const { journal, scope } = this.context;
    if (this.noted.has(lot)) return true;
    this.noted.add(lot);
    const known = await journal.events({ scope, types: ['note:exposed'] });
    return known.some(({ body }) => (body as { lot?: string }).lot === lot);
  }
}

const differs = (now: DecimalText | undefined, wanted: DecimalText): boolean =>
  now === undefined || compare(now, wanted) !== 0;

/** An open exit for all of what is held; one without a quantity is sized by the venue. */
const covers = (order: OrderRecord | undefined, size: DecimalText): order is OrderRecord =>
  order !== undefined &&
  (order.request.quantity === undefined || compare(subtract(order.request.quantity, order.filledQuantity), size) === 0);
