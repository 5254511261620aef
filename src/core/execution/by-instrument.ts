/** Rows of each instrument, in their order. */
export function byInstrument<T extends { readonly instrument: string }>(rows: readonly T[]): Map<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(row.instrument);
    if (group === undefined) groups.set(row.instrument, [row]);
    else group.push(row);
  }
  return groups;
}
