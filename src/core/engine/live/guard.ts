import {
  type EmergencyPolicy,
  type ExecutionContext,
  keepPairs,
  ProtectionKeeper,
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
  /** Positions that the venue does not protect, or that nothing decides about, as met so far. */
  readonly unprotected: Unprotected[] = [];
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

  /** Changes nothing in the journal, whatever is held. */
  get idle(): boolean {
    return this.protection === undefined && !this.paired && this.reversed.length === 0;
  }

  /** Brings the exits at the venue in line with what is held, and deals with what exits have turned over. */
  async keep(lease: Lease, reversed: readonly PositionRecord[]): Promise<void> {
    const alarms: Unprotected[] = [];
    this.reversed = reversed;
    for (const position of reversed) alarms.push(await turnedOver(this.execution, lease, position, this.emergency));
    if (this.paired) alarms.push(...(await keepPairs(this.execution)));
    if (this.protection !== undefined) alarms.push(...(await this.protection.keep(lease)));
    for (const each of alarms) if (!this.raised(each.instrument)) this.raise(each);
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
    return this.unprotected.some((each) => each.instrument === instrument);
  }

  private raise(alarm: Unprotected): void {
    this.unprotected.push(alarm);
    this.notify?.({ type: 'unprotected', alarm });
  }
}
