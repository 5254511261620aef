import type { CommissionReport, Contract, Execution, Order, OrderState } from '@stoqey/ib';
import { connectivity, type IbkrSession } from '../../clients/ibkr/index.js';
import { isQuantlineError } from '../../errors/index.js';
import type { Clock, Logger } from '../../platform/index.js';
import type { BrokerEvent } from '../broker.js';
import type { IbkrConnection } from './ibkr-connection.js';
import { executionsFrom, openOrder, type StatusReport } from './ibkr-read.js';
import * as reads from './ibkr-reads.js';

export interface IbkrEventsOptions {
  readonly connection: IbkrConnection;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly pollMs: number;
  readonly timezone: string;
}

const LONGEST_PAUSE_MS = 60_000;
/** How long an execution waits for the report of its costs. */
const COSTS_MS = 500;

/**
 * Orders and executions as TWS tells them. `connected` comes after every (re)connection and whenever TWS has its own
 * connection back (1101, 1102): orders and executions are to be read again. A connection that is open and says nothing
 * is noticed by a question every `pollMs`, which also brings executions that were never announced.
 */
export async function* ibkrEvents(options: IbkrEventsOptions): AsyncGenerator<BrokerEvent> {
  const { connection, clock, logger, signal } = options;
  for (let failures = 0; !signal.aborted; ) {
    let session: IbkrSession;
    try {
      session = await connection.session();
      failures = 0;
    } catch (error) {
      if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
      const pause = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** Math.min(failures++, 6));
      logger.warn(`${error.message} Trying again in ${pause / 1000} s.`);
      yield { type: 'disconnected', reason: error.message };
      await clock.sleep(pause, signal).catch(() => {});
      continue;
    }
    yield* sessionEvents(session, options);
  }
}

async function* sessionEvents(session: IbkrSession, options: IbkrEventsOptions): AsyncGenerator<BrokerEvent> {
  const { connection, clock, logger, signal, pollMs, timezone } = options;
  const account = connection.accountOf(session);
  const queue: BrokerEvent[] = [];
  let wake = (): void => {};
  const push = (event: BrokerEvent): void => {
    queue.push(event);
    wake();
  };
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const shown = new Map<number, [Contract, Order, OrderState]>();
  const reports = new Map<number, StatusReport>();
  const delivered = new Set<string>();
  const waiting = new Map<string, () => void>();

  const deliver = (contract: Contract, execution: Execution, report: CommissionReport | undefined): void => {
    for (const one of executionsFrom(contract, execution, report, timezone)) {
      if (delivered.has(one.executionId)) continue;
      delivered.add(one.executionId);
      push({ type: 'execution', execution: one });
    }
  };
  const order = (permId: number): void => {
    const one = shown.get(permId);
    if (one !== undefined) push({ type: 'order', order: openOrder(...one, reports.get(permId)).order });
  };
  const costs = new Map<string, CommissionReport>();
  const cleanup = [
    session.onEnd((error) => push({ type: 'disconnected', reason: error.message })),
    session.listen({
      openOrder: (_id: number, contract: Contract, about: Order, state: OrderState) => {
        if (about.account !== account || about.permId === undefined) return;
        shown.set(about.permId, [contract, about, state]);
        order(about.permId);
      },
      orderStatus: (
        _id: number,
        status: string,
        filled: number,
        _rest: number,
        averagePrice: number,
        permId: number,
      ) => {
        reports.set(permId, { status, filled, averagePrice });
        order(permId);
      },
      execDetails: (_id: number, contract: Contract, execution: Execution) => {
        const id = execution.execId ?? '';
        if (execution.acctNumber !== account || delivered.has(id)) return;
        if (costs.has(id)) return deliver(contract, execution, costs.get(id));
        const timer = setTimeout(() => waiting.get(id)?.(), COSTS_MS);
        waiting.set(id, () => {
          clearTimeout(timer);
          waiting.delete(id);
          deliver(contract, execution, costs.get(id));
        });
      },
      commissionReport: (report: CommissionReport) => {
        costs.set(report.execId ?? '', report);
        waiting.get(report.execId ?? '')?.();
      },
      info: (message: string, code: number) => {
        const change = connectivity(code);
        if (change === 'lost') push({ type: 'disconnected', reason: `${message} (${code})` });
        if (change === 'restored') push({ type: 'connected' });
      },
    }),
  ];
  const polling = (async () => {
    while (!stop.aborted) {
      await clock.sleep(pollMs, stop);
      if (session.lost) continue;
      try {
        await reads.serverTime(session);
        for (const execution of await reads.executions(session, account, timezone)) {
          if (delivered.has(execution.executionId)) continue;
          delivered.add(execution.executionId);
          push({ type: 'execution', execution });
        }
      } catch (error) {
        if (stop.aborted) return;
        logger.warn(`${(error as Error).message} The connection is opened again.`);
        session.end('it is open and does not answer');
      }
    }
  })().catch(() => wake());
  const onAbort = (): void => wake();
  stop.addEventListener('abort', onAbort, { once: true });
  try {
    if (!session.lost) yield { type: 'connected' };
    for (;;) {
      while (queue.length > 0) yield queue.shift()!;
      if (signal.aborted || session.ended !== undefined) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (queue.length > 0 || signal.aborted || session.ended !== undefined) resolve();
      });
    }
  } finally {
    ended.abort();
    for (const each of cleanup) each();
    for (const finish of [...waiting.values()]) finish();
    await polling;
  }
}
