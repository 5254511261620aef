/** Where the total return along a curve reaches zero, between points by a straight line; null: it never does. */
export function breakEven(points: readonly { readonly at: number; readonly totalReturn: number }[]): number | null {
  const first = points[0];
  if (first === undefined || first.totalReturn <= 0) return 0;
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1]!;
    const b = points[i]!;
    if (b.totalReturn > 0) continue;
    return a.at + ((b.at - a.at) * a.totalReturn) / (a.totalReturn - b.totalReturn);
  }
  return null;
}
