/**
 * An append-only table of float64 fields for logs whose length is not known in advance. Rows lie one after another and
 * memory doubles, so that appending a row is one bounds check and plain stores: `const o = table.append();
 * table.data[o] = …; table.data[o + 1] = …` in the order of `fields`.
 */
export class RowBuilder<Field extends string> {
  data: Float64Array;
  length = 0;
  private readonly width: number;

  constructor(
    readonly fields: readonly Field[],
    capacity = 64,
  ) {
    this.width = fields.length;
    this.data = new Float64Array(this.width * capacity);
  }

  /** Offset of a new row of zeros. */
  append(): number {
    const offset = this.length * this.width;
    if (offset === this.data.length) {
      const grown = new Float64Array(this.data.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.length++;
    return offset;
  }

  /** One array per field, exactly the appended rows. */
  toColumns(): Readonly<Record<Field, Float64Array>> {
    const { width, length, data } = this;
    return Object.fromEntries(
      this.fields.map((field, f) => {
        const column = new Float64Array(length);
        for (let i = 0; i < length; i++) column[i] = data[i * width + f]!;
        return [field, column];
      }),
    ) as Record<Field, Float64Array>;
  }
}
