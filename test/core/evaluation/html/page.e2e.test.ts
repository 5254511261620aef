import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backtest } from '../../../../src/core/stages/backtest.js';
import { evaluate } from '../../../../src/core/stages/evaluate.js';
import { ingest } from '../../../../src/core/stages/ingest.js';
import { train } from '../../../../src/core/stages/train.js';
import { findBrowser, Page } from '../../../support/browser.js';
import { describeWith } from '../../../support/require.js';
import { fixture, optionsOf, testRuntime } from '../../../support/workspace.js';

const browser = findBrowser();
const runtime = testRuntime({}, true);
const file = join(runtime.workspace, 'report.html');
let page: Page;

/** Widths of a large screen and of a telephone. */
const WIDTHS = [1280, 390];

describeWith('chromium', browser !== undefined)('the report page in a browser', () => {
  beforeAll(async () => {
    const source = { source: 'csv', symbols: 'SPY', file: [fixture('bars/spy-daily-2017-2018.csv')], interval: '1d' };
    const data = await ingest(optionsOf('ingest', source), runtime);
    const model = await train(optionsOf('train', { data: data.artifact.path, trainer: 'sma-cross(5,12)' }), runtime);
    const run = await backtest(optionsOf('backtest', { model: model.artifact.path }), runtime);
    await evaluate(optionsOf('evaluate', { run: run.artifact.path, html: file }), runtime);
    page = await Page.open(browser!);
  });
  afterAll(async () => {
    await page?.close();
    rmSync(runtime.workspace, { recursive: true, force: true });
  });

  it.each(WIDTHS.flatMap((width) => [[width, 'light'] as const, [width, 'dark'] as const]))(
    'at %i pixels in %s: no complaint, no request, nothing wider than the screen',
    async (width, scheme) => {
      await page.look(width, scheme);
      await page.load(pathToFileURL(file).href);
      expect(page.problems).toEqual([]);
      expect(page.requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:'))).toEqual([]);
      await page.evaluate('document.querySelectorAll("details").forEach((one) => { one.open = true; })');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      // Nor does a table: on a telephone the cells of a row lie below each other, each with the name of its column.
      const scrolled = '[...document.querySelectorAll(".scroll")].map((s) => s.scrollWidth - s.clientWidth)';
      expect(Math.max(...(await page.evaluate<number[]>(scrolled)))).toBeLessThanOrEqual(0);
      const background = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
      const [red = 0] = background.match(/\d+/g)!.map(Number);
      expect(red > 128).toBe(scheme === 'light');
      // Every drawing has a size, and every line in it a finite path.
      const drawn = await page.evaluate<number[]>(
        '[...document.querySelectorAll("svg")].map((s) => s.getBoundingClientRect().height)',
      );
      expect(drawn.length).toBeGreaterThan(7);
      expect(Math.min(...drawn)).toBeGreaterThan(50);
      expect(await page.evaluate('document.body.innerHTML.includes("NaN")')).toBe(false);
    },
  );

  it('would see an error: the same checks fail on a page that has one', async () => {
    const bad = join(runtime.workspace, 'bad.html');
    writeFileSync(bad, '<!doctype html><script>throw new Error("boom")</script>');
    await page.load(pathToFileURL(bad).href);
    expect(page.problems.join()).toContain('boom');
    page.problems.length = 0;
  });
});
