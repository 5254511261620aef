/** Instants at which dated rows begin (UTC), epoch ms. */
export const startsOf = (rows: readonly { readonly from: string }[]): Float64Array =>
  Float64Array.from(rows, ({ from }) => Date.parse(`${from}T00:00:00Z`));

/** Index of the row in force at t: the last that began; −1 before the first. `starts` ascending. */
export function rowAt(starts: Float64Array, t: number): number {
  let row = starts.length - 1;
  while (row >= 0 && t < starts[row]!) row--;
  return row;
}
