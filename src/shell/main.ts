import { run, settings } from '@oclif/core';
import { reportFailure } from './failure.js';

/** Runs one command line; `root` is the package's folder. Ends the process with the documented exit code. */
export async function main(argv: readonly string[], root: string): Promise<never> {
  settings.enableAutoTranspile = false;
  const json = argv.includes('--json');
  const debug = argv.join(' ').includes('--log-level debug');
  const fail = (error: unknown): never => process.exit(reportFailure(error, { json, debug }));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  process.stderr.on('error', () => {});
  const args = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  try {
    await run(args, root);
  } catch (error) {
    const missing = /^command (.+) not found$/.exec((error as Error).message ?? '')?.[1];
    if (missing === undefined) return fail(error);
    const { unknownCommand } = await import('./suggest.js');
    return fail(unknownCommand(missing));
  }
  process.exit();
}
