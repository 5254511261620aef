/**
 * Symmetric CUSUM filter (López de Prado 2018, ch. 2): the bars at which the running sum of changes since the last event
 * leaves ±threshold.
 * @param changes change of each bar against the one before (log returns, say); NaN counts as none
 * @param threshold one number, or one per bar (NaN: no event at that bar)
 */
export function cusumEvents(changes: Float64Array, threshold: number | Float64Array): Int32Array {
  const events: number[] = [];
  let up = 0;
  let down = 0;
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i]!;
    const limit = typeof threshold === 'number' ? threshold : threshold[i]!;
    if (Number.isNaN(change)) continue;
    up = Math.max(0, up + change);
    down = Math.min(0, down + change);
    if (down < -limit) {
      down = 0;
      events.push(i);
    } else if (up > limit) {
      up = 0;
      events.push(i);
    }
  }
  return Int32Array.from(events);
}
