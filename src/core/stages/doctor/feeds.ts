import { DAY_MS } from '../../domain/index.js';
import { httpFailureOf } from '../../platform/index.js';
import { openSource } from '../ingest.js';
import type { Runtime } from '../runtime.js';
import { type Finding, failure, ok, warn } from './finding.js';

/** Far enough back that a week of it has sessions. */
const SPAN_MS = 7 * DAY_MS;

/** What the keys are entitled to: a few days of SPY of each feed of Alpaca. */
export async function feedChecks(runtime: Runtime): Promise<readonly Finding[]> {
  return [await feed('iex', runtime), await feed('sip', runtime)];
}

async function feed(name: string, runtime: Runtime): Promise<Finding> {
  const check = `alpaca feed ${name}`;
  const { clock, signal } = runtime;
  try {
    const { source } = await openSource({ source: 'alpaca', symbols: ['SPY'], feed: name, set: {} } as never, runtime);
    const request = {
      symbols: ['SPY'],
      interval: '1d',
      scope: 'regular',
      from: clock.now() - SPAN_MS,
      to: clock.now(),
    };
    let bars = 0;
    for await (const block of source.bars(request as never, signal)) bars += block.time.length;
    return ok(check, `entitled, ${bars} bars of the last week`);
  } catch (error) {
    // Not to have paid for the whole market's feed is no fault.
    const found = failure(check, error);
    const unpaid = name === 'sip' && /subscription/i.test(httpFailureOf(error)?.vendorMessage ?? '');
    return unpaid ? warn(check, found.detail, found.hint) : found;
  }
}
