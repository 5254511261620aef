import { alarmText, flatten } from '../../execution/index.js';
import type { Serial } from '../../platform/index.js';
import type { Lease } from '../../state/index.js';
import type { SessionParts } from './session.js';
import { RETRY_MS, survive } from './survive.js';

/** Longest wait for the orders of one try, ms. */
const FLATTEN_MS = 60_000;

/** Closes what is held ahead of each close, and keeps it closed until then. */
export async function flattenAtClose(
  parts: SessionParts,
  lease: Lease,
  serial: Serial,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, options, calendar, runner } = parts;
  const { clock } = runtime;
  for (let from = clock.now(); ; ) {
    const { close } = calendar.nextSession(from);
    const at = close - options.closeLead;
    if (clock.now() < at) await clock.sleep(at - clock.now(), signal);
    runner.stayFlat(close);
    await flattenUntil(close, parts, signal, (until) =>
      serial.run(() => flatten(parts.execution, lease, at, { until, all: false })),
    );
    from = close;
    if (clock.now() < close) await clock.sleep(close - clock.now(), signal);
  }
}

/** Tries until nothing is held or the session is over: a venue that does not answer for a moment is asked again. */
async function flattenUntil(
  close: number,
  { runtime, execution, hooks }: SessionParts,
  signal: AbortSignal,
  flattening: (until: number) => ReturnType<typeof flatten>,
): Promise<void> {
  const { clock, logger } = runtime;
  for (let flat = false; !flat; ) {
    await survive(logger, async () => {
      const result = await flattening(Math.min(close, clock.now() + FLATTEN_MS));
      for (const problem of result.problems) logger.warn(`Before the close: ${problem}`);
      flat = result.flat;
    });
    if (flat || clock.now() + RETRY_MS >= close) break;
    await clock.sleep(RETRY_MS, signal);
  }
  await survive(logger, async () => {
    for (const { instrument, quantity } of await execution.journal.positions(execution.scope)) {
      const alarm = { instrument, reason: `${quantity} are still held at the close` };
      logger.warn(`${alarmText(alarm)}.`);
      hooks.notify?.({ type: 'unprotected', alarm });
    }
  });
}
