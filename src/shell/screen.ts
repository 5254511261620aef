/** What a terminal shows: a picture that is drawn over the last one, and again when its size changes. */
export class Screen {
  private lines: readonly string[] = [];
  private drawn = false;

  constructor(
    private readonly terminal: Pick<NodeJS.WriteStream, 'columns' | 'rows' | 'on' | 'off'>,
    private readonly write: (text: string) => unknown,
  ) {
    terminal.on('resize', this.draw);
  }

  /** False where nobody reads any more. */
  show(text: string): boolean {
    this.lines = text.split('\n');
    return this.draw() !== false;
  }

  close(): void {
    this.terminal.off('resize', this.draw);
  }

  private readonly draw = (): unknown => {
    const { columns, rows } = this.terminal;
    const clear = this.drawn ? '' : '\u001b[2J';
    this.drawn = true;
    const cut = cutTo(this.lines, columns || 80, rows || 24);
    // Each line is cleared behind its end and what is below the last one, so that nothing flickers.
    return this.write(`${clear}\u001b[H${cut.map((line) => `${line}\u001b[K`).join('\n')}\u001b[J\n`);
  };
}

/** Lines cut at the right edge of a terminal, and at its last line but one, where the cursor stands. */
function cutTo(lines: readonly string[], columns: number, rows: number): string[] {
  const most = Math.max(1, rows - 1);
  const left = lines.length - most;
  const shown = left > 0 ? [...lines.slice(0, most - 1), `… ${left + 1} more lines`] : lines;
  return shown.map((line) => (line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line));
}
