import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ARTIFACT_SCHEMAS, type Artifact, buildId } from '../artifacts/index.js';
import { adapterSettings, type TradeOptions } from '../config/index.js';
import { timeRange } from '../data/range.js';
import type { EventSink } from '../engine/events.js';
import { firstTickAt } from '../engine/feed.js';
import { LiveRunner, ReplaySource, type TickOutcome } from '../engine/live/index.js';
import { isQuantlineError, QuantlineError } from '../errors/index.js';
import type { Broker, BrokerContext, ExecutionContext, FaultPoint } from '../execution/index.js';
import { canonicalJson, isoTime, ManualClock, sha256 } from '../platform/index.js';
import { loadAdapter } from '../registry/index.js';
import {
  currentOwner,
  type Journal,
  type Lease,
  openJournal,
  ownerIsGone,
  type StrategyScope,
  streamOf,
} from '../state/index.js';
import { feedOf, returnCalendar, signalsOf } from './compose/market.js';
import { composeStrategy } from './compose/strategy.js';
import { openTradeable, type Tradeable } from './compose/tradeable.js';
import type { Runtime } from './runtime.js';

export const SESSION_FILE = 'session.json';

/** Payload `session.json` of a session artefact: what one start of `quantline trade` did. */
export const sessionSchema = z.strictObject({
  schema: z.literal(1),
  outcome: z.enum(['decided', 'nothing', 'slot-taken', 'halted']),
  /** Why, where nothing was decided. */
  reason: z.string().nullable(),
  strategy: z.string(),
  venue: z.string(),
  account: z.string(),
  /** Report or run that decided. */
  report: z.string(),
  slots: z.int(),
  first_slot: z.string().nullable(),
  last_slot: z.string().nullable(),
  orders: z.int(),
  rejected: z.int(),
  fills: z.int(),
  /** Account value after the last slot; null where none was reached. */
  equity: z.number().nullable(),
  positions: z.array(z.strictObject({ instrument: z.string(), quantity: z.string() })),
});
export type SessionFile = z.output<typeof sessionSchema>;

export interface TradeResult {
  readonly artifact: Artifact;
  readonly session: SessionFile;
  /** `refused` (exit 6) where the strategy is halted, `nothing` (exit 8) under --strict-slot: results, not errors. */
  readonly exit: 'ok' | 'refused' | 'nothing';
}

/** How long a start may trade without renewing its right to. */
const LEASE_MS = 60_000;

/** `quantline trade` on a replayed dataset: the live runner, slot by slot, at the venue. `events`: the canonical stream. */
export async function trade(options: TradeOptions, runtime: Runtime, events?: EventSink): Promise<TradeResult> {
  if (options.source !== undefined && options.source !== 'replay') {
    throw new QuantlineError('CONFIG', `Trading on bars of "${options.source}" is not in this version.`, {
      hint: 'Leave --source out: the dataset of the report is replayed.',
    });
  }
  const tradeable = await openTradeable(options, runtime);
  const market = new ManualClock(0);
  const broker = await openBroker(options, runtime, tradeable, market);
  const journal = await openJournal(runtime.journal);
  try {
    const account = (await broker.account()).id;
    const scope: StrategyScope = { venue: broker.venue, account, strategy: options.strategy ?? 'paper' };
    const session = new Session(options, runtime, tradeable, broker, journal, scope, market, events);
    const file = await session.run();
    const artifact = await writeSession(file, tradeable, runtime);
    const idle = file.outcome === 'nothing' || file.outcome === 'slot-taken';
    const exit = file.outcome === 'halted' ? 'refused' : idle && options.strictSlot ? 'nothing' : 'ok';
    return { artifact, session: file, exit };
  } finally {
    await journal.close();
    await broker.close();
    runtime.progress.end();
  }
}

interface BrokerModule {
  readonly settings: z.ZodObject;
  create(settings: unknown, context: BrokerContext): Promise<Broker>;
}

async function openBroker(
  options: TradeOptions,
  runtime: Runtime,
  { run, model, dataset }: Tradeable,
  market: ManualClock,
): Promise<Broker> {
  const { module } = await loadAdapter<BrokerModule>('broker', options.broker);
  const { venue } = await composeStrategy(run.run.strategy, model.file.scoreKind, dataset.instruments);
  return module.create(adapterSettings(options.broker, module.settings, undefined, options.set), {
    clock: options.broker === 'sim' ? market : runtime.clock,
    logger: runtime.logger,
    secrets: runtime.secrets,
    live: options.live,
    stateDir: join(runtime.workspace, 'state'),
    instruments: dataset.instruments,
    calendar: returnCalendar(dataset),
    fractional: run.run.strategy.lot === 'fractional',
    exchange: { ...venue, cash: options.cash },
  });
}

/** One start: takes the lease, goes through the slots that are due, and sums up. */
class Session {
  private readonly outcomes: TickOutcome[] = [];
  private lease: Lease | undefined;

  constructor(
    private readonly options: TradeOptions,
    private readonly runtime: Runtime,
    private readonly tradeable: Tradeable,
    private readonly broker: Broker,
    private readonly journal: Journal,
    private readonly scope: StrategyScope,
    private readonly market: ManualClock,
    private readonly events: EventSink | undefined,
  ) {}

  async run(): Promise<SessionFile> {
    const { journal, runtime, scope } = this;
    const name = streamOf(scope);
    this.lease = await journal.acquireLease(name, currentOwner(), runtime.clock.now(), LEASE_MS, ownerIsGone);
    if (this.lease === undefined) {
      const holder = await journal.leaseHolder(name, runtime.clock.now());
      return this.summary('slot-taken', `another start holds the lease: ${holder?.owner ?? 'unknown'}`);
    }
    try {
      const state = await journal.state(scope);
      if (state.state === 'halted') return await this.summary('halted', state.reason ?? 'halted before');
      await this.slots();
      const decided = this.outcomes.some((outcome) => outcome.decided);
      return await this.summary(decided ? 'decided' : 'nothing', decided ? null : 'no slot is due');
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'HALTED') throw error;
      runtime.logger.warn(error.message);
      return await this.summary('halted', error.message);
    } finally {
      await journal.releaseLease(this.lease).catch(() => {});
    }
  }

  private async slots(): Promise<void> {
    const { options, runtime, market } = this;
    const { runner, source, until } = await this.prepare();
    const last = await runner.lastSlot();
    // What the venue has missed of slots that were decided before, and the last of them again: a crash may have left
    // its orders unsent.
    await runner.catchUp(last, (tick) => market.set(tick.time));
    if (last !== undefined) {
      const again = await source.next(last - 0.5);
      if (again?.time === last) await this.slot(runner, again);
    }
    let time = last ?? Number.NEGATIVE_INFINITY;
    for (;;) {
      runtime.signal.throwIfAborted();
      const tick = await source.next(time);
      if (tick === undefined || tick.time > until) return;
      await this.slot(runner, tick);
      time = tick.time;
      runtime.progress.update(`slot ${isoTime(time)}`);
      if (options.once) return;
    }
  }

  private async slot(runner: LiveRunner, tick: NonNullable<Awaited<ReturnType<ReplaySource['next']>>>): Promise<void> {
    const { journal, runtime } = this;
    this.market.set(tick.time);
    const now = runtime.clock.now();
    if (this.lease!.deadline - now < LEASE_MS / 2) this.lease = await journal.renewLease(this.lease!, now, LEASE_MS);
    this.outcomes.push(await runner.tick(tick, this.lease!));
  }

  private async prepare(): Promise<{ runner: LiveRunner; source: ReplaySource; until: number }> {
    const { runtime, options, tradeable, broker, journal, scope, events } = this;
    const { run, model, dataset } = tradeable;
    const { strategy, rounding } = await composeStrategy(run.run.strategy, model.file.scoreKind, dataset.instruments);
    const feed = feedOf(dataset);
    const signals = signalsOf(dataset, model.model, strategy.sizing);
    const source = new ReplaySource(feed, signals, firstTickAt(feed, run.run.from), feed.clock.length);
    const { faultPoint } = runtime;
    const execution: ExecutionContext = {
      journal,
      broker,
      scope,
      clock: runtime.clock,
      logger: runtime.logger,
      signal: runtime.signal,
      ...(faultPoint !== undefined && { faultPoint: (name: FaultPoint) => faultPoint(name) }),
    };
    const runner = new LiveRunner({
      execution,
      source,
      instruments: dataset.instruments,
      strategy,
      rounding,
      fractional: run.run.strategy.lot === 'fractional',
      report: tradeable.source.id,
      ...(events !== undefined && { events }),
    });
    const { to } = timeRange({ to: options.until }, returnCalendar(dataset), dataset.scope, Number.POSITIVE_INFINITY);
    return { runner, source, until: to };
  }

  private async summary(outcome: SessionFile['outcome'], reason: string | null): Promise<SessionFile> {
    const { outcomes, scope, journal, tradeable } = this;
    const orders = outcomes.flatMap((each) => each.orders);
    const at = (outcome: TickOutcome | undefined) => (outcome === undefined ? null : isoTime(outcome.slot));
    const positions = await journal.positions(scope);
    return {
      schema: 1,
      outcome,
      reason,
      strategy: scope.strategy,
      venue: scope.venue,
      account: scope.account,
      report: tradeable.source.id,
      slots: outcomes.filter((each) => each.decided).length,
      first_slot: at(outcomes[0]),
      last_slot: at(outcomes.at(-1)),
      orders: orders.length,
      rejected: orders.filter((order) => order.status === 'rejected').length,
      fills: (await journal.fills({ scope })).length,
      equity: outcomes.at(-1)?.equity ?? null,
      positions: positions.map(({ instrument, quantity }) => ({ instrument, quantity })),
    };
  }
}

async function writeSession(file: SessionFile, { source }: Tradeable, runtime: Runtime): Promise<Artifact> {
  const { artifact } = await runtime.artifacts.create(
    {
      kind: 'session',
      schema: ARTIFACT_SCHEMAS.session,
      stage: 'trade',
      settings: { strategy: file.strategy, venue: file.venue, account: file.account },
      inputs: [{ kind: source.kind, id: source.id }],
      build: buildId(),
      content: sha256(canonicalJson(file)),
    },
    async (folder) => {
      await writeFile(join(folder, SESSION_FILE), `${JSON.stringify(file, null, 1)}\n`);
      const { positions, schema: _, ...summary } = file;
      return { summary: { ...summary, positions: positions.length } };
    },
  );
  return artifact;
}
