/**
 * `ingest --follow` in a process of its own on another day's clock: node follow.child.mjs <json>. Prints one line a
 * step: `took N` once N bars are durable, `path …` at the end. FAULT_POINT kills it there.
 */
import { ingestOptions } from '../../../../dist/core/config/schemas/ingest.js';
import { faultPoint } from '../../../../dist/core/platform/index.js';
import { ingest } from '../../../../dist/core/stages/ingest.js';
import { createRuntime } from '../../../../dist/core/stages/runtime.js';

const { workspace, secrets, now, flags } = JSON.parse(process.argv[2]);
const began = Date.now();
const controller = new AbortController();
process.on('SIGTERM', () => controller.abort(new Error('terminated')));
const say = (text) => process.stdout.write(`${text}\n`);
const log = (text) => process.stderr.write(`${text}\n`);
const fault = faultPoint(process.env.FAULT_POINT);
const runtime = createRuntime({
  workspace,
  secrets,
  signal: controller.signal,
  clock: {
    now: () => now + Date.now() - began,
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(signal.reason);
        });
      }),
  },
  logger: { debug: log, info: log, warn: log },
  progress: { update: (text) => say(text.replace(/^following: (\d+) bars.*/, 'took $1')), end() {} },
  ...(fault === undefined ? {} : { faultPoint: fault }),
});
const { artifact, followed } = await ingest(ingestOptions.parse(flags), runtime);
say(`path ${artifact.path}`);
say(JSON.stringify(followed));
