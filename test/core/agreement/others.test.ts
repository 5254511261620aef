import { rmSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { testRuntime } from '../../support/workspace.js';
import { type BarsName, Bench, furthest, recorded } from './engines.js';

interface Recorded {
  readonly bars: BarsName;
  readonly fills: Readonly<Record<'bar' | 'size' | 'price' | 'commission', number[]>>;
  readonly final_equity: number;
}

const runtime = testRuntime({}, true);
afterAll(() => rmSync(runtime.workspace, { recursive: true, force: true }));
const bench = new Bench(runtime);

const COMMON = "--cash 1000000 --sizing 'all-in(100%)' --commission 0.1%";

/** Fills of long-only SMA 10/30 at the next open with 0.1 % commission. */
async function compare(theirs: Recorded, line: string) {
  const { run, barAt } = await bench.play(theirs.bars, 'sma-cross(10,30)', line);
  const { fills } = run;
  expect(Array.from(fills.time, barAt)).toEqual(theirs.fills.bar);
  const signed = fills.quantity.map((q, i) => q * fills.side[i]!);
  expect(furthest(signed, theirs.fills.size)).toBeLessThan(1e-9);
  expect(furthest(fills.price, theirs.fills.price)).toBeLessThan(1e-12);
  expect(furthest(fills.costs, theirs.fills.commission)).toBeLessThan(1e-9);
  expect(furthest([run.run.finalEquity], [theirs.final_equity])).toBeLessThan(1e-9);
}

describe('backtrader 1.9.78.123, whole units', () => {
  test.each(recorded<Recorded>('backtrader'))('$bars: the same fills, costs and final equity', (theirs) =>
    compare(theirs, `${COMMON} --lot units`),
  );
});

describe('vectorbt 1.2.0, fractions', () => {
  test.each(recorded<Recorded>('vectorbt'))('$bars: the same fills, costs and final equity', (theirs) =>
    compare(theirs, `${COMMON} --lot fractional`),
  );
});
