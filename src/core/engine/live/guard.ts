import {
  alarmText,
  type EmergencyPolicy,
  type ExecutionContext,
  keepPairs,
  ProtectionKeeper,
  type ReconcileResult,
  turnedOver,
  type Unprotected,
  unmanaged,
} from '../../execution/index.js';
import type { Lease, PositionRecord } from '../../state/index.js';
import { entersByPair } from '../strategy.js';
import { watchOf } from './booked.js';
import type { LiveSettings } from './runner.js';

/** Keeps the exits of what is held in line with it, where the venue does not; raises an alarm where it cannot. */
export class PositionGuard {
  private readonly alarms: Unprotected[] = [];
  /** Positions whose exits could not be sent, as of the last look. */
  private waiting: readonly Unprotected[] = [];
  private readonly execution: ExecutionContext;
  private readonly notify: NonNullable<LiveSettings['hooks']>['notify'];
  private readonly protection: ProtectionKeeper | undefined;
  /** Entries are pairs of orders at the venue. */
  private readonly paired: boolean;
  private readonly emergency: EmergencyPolicy;
  /** Positions that exits have turned over, as last seen. */
  private reversed: readonly PositionRecord[] = [];

  constructor({ execution, source, instruments, strategy, hooks, emergency = 'exit' }: LiveSettings) {
    this.execution = execution;
    this.notify = hooks?.notify;
    this.emergency = emergency;
    const { capabilities } = execution.broker;
    this.paired = entersByPair(strategy) && capabilities.pairedEntries === 'two-orders';
    const { protection } = strategy;
    if (protection !== undefined && capabilities.relativeProtection !== true)
      this.protection = new ProtectionKeeper(execution, instruments, { protection, emergency }, watchOf(source));
  }

  /** Positions that the venue does not protect, or that nothing decides about, as met so far. */
  get unprotected(): readonly Unprotected[] {
    return [...this.alarms, ...this.waiting];
  }

  /** Something is tried again by the next look. */
  get retries(): boolean {
    return this.waiting.length > 0;
  }

  /** Keeps exits at the venue. */
  get protects(): boolean {
    return this.protection !== undefined;
  }

  /** Changes nothing in the journal, whatever is held. */
  get idle(): boolean {
    return this.protection === undefined && !this.paired && this.reversed.length === 0;
  }

  /** Brings the exits at the venue in line with what is held, and deals with what exits have turned over. */
  async keep(lease: Lease, { reversed, listed }: Pick<ReconcileResult, 'reversed' | 'listed'>): Promise<void> {
    const alarms: Unprotected[] = [];
    this.reversed = reversed;
    for (const position of reversed) alarms.push(await turnedOver(this.execution, lease, position, this.emergency));
    if (this.paired) alarms.push(...(await keepPairs(this.execution)));
    if (this.protection !== undefined) alarms.push(...(await this.protection.keep(lease, listed)));
    const told = new Set(this.waiting.map(({ instrument }) => instrument));
    this.waiting = alarms.filter(({ until }) => until !== undefined);
    for (const each of this.waiting) if (!told.has(each.instrument)) this.tell(each);
    for (const each of alarms) if (each.until === undefined && !this.raised(each.instrument)) this.raise(each);
  }

  /** Of positions in instruments that are not traded here. */
  async warn(unknown: readonly PositionRecord[]): Promise<void> {
    for (const position of unknown)
      if (!this.raised(position.instrument)) this.raise(await unmanaged(this.execution, position));
  }

  /** What exits have turned over may be left to a person. */
  leftAlone(instrument: string): boolean {
    return this.emergency === 'hold' && this.reversed.some((each) => each.instrument === instrument);
  }

  private raised(instrument: string): boolean {
    return this.alarms.some((each) => each.instrument === instrument);
  }

  private raise(alarm: Unprotected): void {
    this.alarms.push(alarm);
    this.notify?.({ type: 'unprotected', alarm });
  }

  private tell(alarm: Unprotected): void {
    this.execution.logger.warn(`${alarmText(alarm)}.`);
    this.notify?.({ type: 'unprotected', alarm });
  }
}
