import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { callWorker } from '../../../src/core/platform/worker-calls.js';

/** A worker that answers by the compiled `answerCalls` with what the body of a function of the message gives. */
function worker(body: string, resourceLimits = {}): Worker {
  const url = new URL('../../../dist/core/', import.meta.url);
  const code = `
    Promise.all([import('${url}platform/worker-calls.js'), import('${url}errors/index.js')])
      .then(([{ answerCalls }, { QuantlineError }]) => answerCalls(async (message) => { ${body} }));`;
  const started = new Worker(code, { eval: true, resourceLimits });
  onTestFinished(async () => void (await started.terminate()));
  return started;
}
const call = (to: Worker, signal?: AbortSignal) =>
  callWorker<number>(to, 20, { who: 'A worker of the test', ...(signal && { signal }) });

test('gives the answer, again and again', async () => {
  const doubles = worker('return 2 * message');
  expect([await call(doubles), await call(doubles)]).toEqual([40, 40]);
  expect(doubles.listenerCount('error')).toBe(0);
});

test.each([
  ['throw new QuantlineError("QUALITY", "bad bar", { hint: "Look." })', 'QUALITY', 'bad bar', 'Look.'],
  ['throw new TypeError("x")', 'BUG', 'A worker of the test failed: x', undefined],
  ['process.exit(3)', 'BUG', 'A worker of the test ended early (exit code 3).', undefined],
])('%s', async (body, code, message, hint) => {
  await expect(call(worker(body))).rejects.toMatchObject({ code, message, hint });
});

test('a worker that runs out of memory: MEMORY, with what to do', async () => {
  const hungry = worker('const all = []; for (;;) all.push(new Array(1e5).fill(message))', {
    maxOldGenerationSizeMb: 16,
  });
  await expect(call(hungry)).rejects.toMatchObject({ code: 'MEMORY', hint: expect.stringContaining('--threads') });
});

test('an abort ends the waiting with its reason', async () => {
  const abort = new AbortController();
  const answer = call(worker('await new Promise(() => {})'), abort.signal);
  abort.abort(new Error('stop'));
  await expect(answer).rejects.toThrow('stop');
  await expect(call(worker('return 1'), abort.signal)).rejects.toThrow('stop');
});
