/**
 * An append-only table of float64 columns for logs whose length is not known in advance: `const i = table.append();
 * columns[0]![i] = …; columns[1]![i] = …` in the order of `fields`, with `const { columns } = table` read after `append`,
 * which may have replaced them by longer ones.
 */
export class TableBuilder<Field extends string> {
  columns: Float64Array[];
  length = 0;
  private capacity: number;

  /** `rows`: how many to make room for at first. */
  constructor(
    readonly fields: readonly Field[],
    rows = 64,
  ) {
    this.capacity = roomFor(rows);
    this.columns = allocate(fields.length, this.capacity);
  }

  /** Index of a new row of zeros. */
  append(): number {
    const row = this.length;
    this.reach(row);
    return row;
  }

  /** Makes the rows up to this one. */
  reach(row: number): void {
    if (row < this.length) return;
    if (row >= this.capacity) this.grow(row);
    this.length = row + 1;
  }

  private grow(row: number): void {
    const before = this.columns;
    this.capacity = roomFor(Math.max(row + 1, 2 * this.capacity));
    this.columns = allocate(before.length, this.capacity);
    for (let f = 0; f < before.length; f++) this.columns[f]!.set(before[f]!);
  }

  /** One array per field, exactly the appended rows; views of the table's own memory. */
  toColumns(): Readonly<Record<Field, Float64Array>> {
    const { length, columns } = this;
    const views = this.fields.map((field, f) => [field, columns[f]!.subarray(0, length)] as const);
    return Object.fromEntries(views) as Record<Field, Float64Array>;
  }
}

/** The number that stands for one of a few words in a column. In a loop as tight as the engine's, faster than `indexOf`. */
export function codeOf<Word extends string>(words: readonly Word[], word: Word): number {
  let code = words.length - 1;
  while (code >= 0 && words[code] !== word) code--;
  return code;
}

/** At least `rows`, as an odd number of cache lines a column: the cells of one row then lie in different sets of a cache. */
const roomFor = (rows: number): number => (Math.ceil(rows / 8) | 1) * 8;

/** Columns in one piece of memory: a table costs one allocation. */
function allocate(fields: number, capacity: number): Float64Array[] {
  const memory = new Float64Array(fields * capacity);
  return Array.from({ length: fields }, (_, f) => memory.subarray(f * capacity, (f + 1) * capacity));
}
