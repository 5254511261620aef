import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { Screen } from '../../src/shell/screen.js';

test('a picture is drawn over the last one, cut at the edges, and again when the terminal changes its size', () => {
  const terminal = Object.assign(new EventEmitter(), { columns: 6, rows: 4 });
  const written: string[] = [];
  const screen = new Screen(terminal as never, (text) => void written.push(text));
  const seen = () =>
    written
      .at(-1)!
      .split('\u001b[')
      .map((part) => part.replace(/^(2J|H|K|J)/, ''))
      .join('')
      .trimEnd()
      .split('\n');
  screen.show('abcdefgh\nab\nabcdef\nx\ny');
  expect(seen()).toEqual(['abcde…', 'ab', '… 3 m…']);
  expect(written[0]!.startsWith('\u001b[2J\u001b[H')).toBe(true);
  Object.assign(terminal, { columns: 20, rows: 10 });
  terminal.emit('resize');
  expect(seen()).toEqual(['abcdefgh', 'ab', 'abcdef', 'x', 'y']);
  // What was there before goes without the screen being cleared, which would flicker.
  expect(written[1]).not.toContain('2J');
  expect(written[1]!.split('\u001b[K')).toHaveLength(6);
  screen.close();
  terminal.emit('resize');
  expect(written).toHaveLength(2);
});
