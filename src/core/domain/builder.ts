/**
 * An append-only table of float64 columns for logs whose length is not known in advance: `const i = table.append();
 * columns[0]![i] = …; columns[1]![i] = …` in the order of `fields`, with `const { columns } = table` read after `append`,
 * which may have replaced them by longer ones.
 */
export class TableBuilder<Field extends string> {
  columns: Float64Array[];
  length = 0;
  private capacity: number;

  constructor(
    readonly fields: readonly Field[],
    capacity = 64,
  ) {
    this.capacity = capacity;
    this.columns = fields.map(() => new Float64Array(capacity));
  }

  /** Index of a new row of zeros. */
  append(): number {
    if (this.length === this.capacity) this.grow();
    return this.length++;
  }

  private grow(): void {
    this.capacity *= 2;
    this.columns = this.columns.map((column) => {
      const grown = new Float64Array(this.capacity);
      grown.set(column);
      return grown;
    });
  }

  /** One array per field, exactly the appended rows; views of the table's own memory. */
  toColumns(): Readonly<Record<Field, Float64Array>> {
    const { length, columns } = this;
    const views = this.fields.map((field, f) => [field, columns[f]!.subarray(0, length)] as const);
    return Object.fromEntries(views) as Record<Field, Float64Array>;
  }
}
