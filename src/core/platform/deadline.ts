/** What is left to a request as the command ends: platforms kill ten seconds after they ask. */
const ENDING_MS = 3000;

/**
 * Calls `late` after `ms`, or a few seconds after `ending` aborts where that is sooner: what was sent may still be
 * answered. The returned function stops it.
 */
export function deadline(ms: number, ending: AbortSignal | undefined, late: () => void): () => void {
  const timers = [setTimeout(late, ms)];
  const hurry = () => void timers.push(setTimeout(late, ENDING_MS));
  if (ending?.aborted) hurry();
  else ending?.addEventListener('abort', hurry, { once: true });
  return () => {
    for (const timer of timers) clearTimeout(timer);
    ending?.removeEventListener('abort', hurry);
  };
}

/** The time within which an answer was missing, for messages. */
export const deadlineText = (ms: number, ending: AbortSignal | undefined): string =>
  ending?.aborted ? 'before the end' : `within ${ms / 1000} s`;
