/** Opening instants, `from` inclusive, `to` exclusive; infinite where nothing bounds it. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** Union of ranges, ascending, touching ones joined. */
export function addRange(ranges: readonly TimeRange[], added: TimeRange): TimeRange[] {
  if (!(added.from < added.to)) return [...ranges];
  const out: TimeRange[] = [];
  let { from, to } = added;
  for (const range of ranges) {
    if (range.to < from || range.from > to) out.push(range);
    else {
      from = Math.min(from, range.from);
      to = Math.max(to, range.to);
    }
  }
  out.push({ from, to });
  return out.sort((a, b) => a.from - b.from);
}

/** What of `asked` no range covers, ascending. */
export function missingRanges(ranges: readonly TimeRange[], asked: TimeRange): TimeRange[] {
  const out: TimeRange[] = [];
  let { from } = asked;
  for (const range of ranges) {
    if (range.to <= from) continue;
    if (range.from >= asked.to) break;
    if (range.from > from) out.push({ from, to: range.from });
    from = range.to;
  }
  if (from < asked.to) out.push({ from, to: asked.to });
  return out;
}

/** The ranges without what lies in `removed`. */
export const subtractRange = (ranges: readonly TimeRange[], removed: TimeRange): TimeRange[] =>
  ranges.flatMap((range) => missingRanges([removed], range));
