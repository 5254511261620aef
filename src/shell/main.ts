import { run } from '@oclif/core/run';
import { settings } from '@oclif/core/settings';

/** Runs one command line and gives its documented exit code; `root` is the package's folder. */
export async function main(argv: readonly string[], root: string): Promise<number> {
  settings.enableAutoTranspile = false;
  const fail = async (error: unknown): Promise<number> => {
    const { reportFailure } = await import('./failure.js');
    const json = argv.includes('--json');
    return reportFailure(error, { json, debug: argv.join(' ').includes('--log-level debug') });
  };
  const ended = endOfUncaught(fail);
  // stdout is written by ./output.js alone, but for help; a reader that went away is no error there either.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => {});
  const args = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  const commanded = async (): Promise<number> => {
    try {
      await run(args, root);
      return Number(process.exitCode ?? 0);
    } catch (error) {
      const missing = /^command (.+) not found$/.exec((error as Error).message ?? '')?.[1];
      if (missing === undefined) return fail(error);
      const { unknownCommand } = await import('./suggest.js');
      const { checkBroker } = await import('./brokers.js');
      const [topic, vendor] = missing.split(':');
      const moved = checkBroker(topic === 'login' ? vendor : undefined);
      return fail(
        await moved.then(
          () => unknownCommand(missing),
          (gone: unknown) => gone,
        ),
      );
    }
  };
  try {
    return await Promise.race([commanded(), ended.code]);
  } finally {
    ended.dispose();
  }
}

/** An error that nobody caught ends the command; whatever goes wrong while it is reported must not come back here. */
function endOfUncaught(fail: (error: unknown) => Promise<number>): { code: Promise<number>; dispose(): void } {
  let listener!: (error: unknown) => void;
  const dispose = () => process.off('uncaughtException', listener).off('unhandledRejection', listener);
  const code = new Promise<number>((done, failed) => {
    listener = (error) => {
      dispose();
      fail(error).then(done, failed);
    };
  });
  process.on('uncaughtException', listener).on('unhandledRejection', listener);
  return { code, dispose };
}
