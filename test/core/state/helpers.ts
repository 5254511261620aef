import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionRecord, NewIntent, OrderRequest, StrategyScope } from '../../../src/core/state/index.js';

export const SCOPE: StrategyScope = { venue: 'fake', account: 'A1', strategy: 'swing' };
export const T0 = Date.UTC(2026, 0, 5, 15);

export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'quantline-state-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export const request = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  instrument: 'SPY',
  side: 'buy',
  type: 'market',
  timeInForce: 'day',
  quantity: '10',
  ...more,
});

export const entry = (more: Partial<OrderRequest> = {}): NewIntent => ({ leg: 'entry', request: request(more) });

export const fill = (
  clientOrderId: string,
  executionId: string,
  quantity: string,
  price: string,
  more: Partial<ExecutionRecord> = {},
): ExecutionRecord => ({
  executionId,
  clientOrderId,
  instrument: 'SPY',
  side: 'buy',
  quantity,
  price,
  time: T0,
  kind: 'fill',
  ...more,
});

export async function failure(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code: string; hint?: string; exitCode: number; details: Record<string, unknown> };
  }
  throw new Error('expected a failure');
}
