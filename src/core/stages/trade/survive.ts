import { isQuantlineError } from '../../errors/index.js';
import type { Logger } from '../../platform/index.js';

/** Pause before something is tried again while the venue or the journal does not answer, ms. */
export const RETRY_MS = 5000;

/** For what a resident session tries again later anyway: it lives through an outage of the venue or of the journal. */
export async function survive(logger: Logger, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isQuantlineError(error) || error.code !== 'UNAVAILABLE') throw error;
    logger.warn(error.message);
  }
}
