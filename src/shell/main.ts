import { run } from '@oclif/core/run';
import { settings } from '@oclif/core/settings';

/** Runs one command line; `root` is the package's folder. Ends the process with the documented exit code. */
export async function main(argv: readonly string[], root: string): Promise<never> {
  settings.enableAutoTranspile = false;
  const fail = async (error: unknown): Promise<never> => {
    // Whatever goes wrong while reporting must not come back here.
    process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection');
    const { reportFailure } = await import('./failure.js');
    const json = argv.includes('--json');
    process.exit(reportFailure(error, { json, debug: argv.join(' ').includes('--log-level debug') }));
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  // stdout is written by ./output.js alone, but for help; a reader that went away is no error there either.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => {});
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
