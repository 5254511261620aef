import { writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { main } from '../../dist/shell/main.js';

/** Runs the command lines that its parent sends, one after the other, each with a folder and environment of its own. */
const root = fileURLToPath(new URL('../..', import.meta.url));
let queue = Promise.resolve();

process.on('message', ({ args, cwd, env, mark }) => {
  queue = queue.then(async () => {
    process.chdir(cwd);
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, env);
    process.exitCode = undefined;
    const code = await main(args, root);
    for (const stream of [1, 2]) mustWrite(stream, mark);
    process.send({ code });
  });
});
process.on('disconnect', () => process.exit());

function mustWrite(stream, text) {
  for (;;) {
    try {
      return void writeSync(stream, text);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
