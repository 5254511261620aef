/** Hands out addresses in one memory, 128 bytes aligned (two cache lines, so that threads do not share one). */
export class Layout {
  private top = 1024;
  /** The highest address ever used. */
  peak = 1024;

  take(bytes: number): number {
    const at = this.top;
    this.top += Math.ceil(bytes / 128) * 128;
    this.peak = Math.max(this.peak, this.top);
    return at;
  }

  mark(): number {
    return this.top;
  }

  /** Gives back everything taken since `mark`, for data that is never alive at the same time. */
  release(mark: number): void {
    this.top = mark;
  }
}
