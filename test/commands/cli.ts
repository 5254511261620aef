import { type ChildProcess, fork, spawn } from 'node:child_process';
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../..');
const bin = resolve(root, 'bin/run.js');

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProcessOptions extends RunOptions {
  /** Keeps stdin open for `started` to write to. */
  readonly stdin?: boolean;
  /** Called with the process right after its start. */
  readonly started?: (child: ChildProcess) => void;
}

/** Nothing of this process's own settings; no threads, each of which loads modules anew, unless a test asks for them. */
function environment({ cwd, env = {} }: RunOptions): Record<string, string> {
  const inherited = Object.entries(process.env).filter(([name]) =>
    /^(PATH|HOME|TMPDIR|SystemRoot|APPDATA)$/i.test(name),
  );
  const own = { XDG_DATA_HOME: resolve(cwd, 'user-data'), QUANTLINE_THREADS: '1' };
  return { ...Object.fromEntries(inherited), ...own, ...env } as Record<string, string>;
}

/** Runs the built command line as a process of its own, without a terminal. */
export function quantlineProcess(args: readonly string[], options: ProcessOptions): Promise<Result> {
  const { cwd, started, stdin = false } = options;
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd,
      env: environment(options),
      stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    const output = collect(child);
    child.on('error', fail);
    child.on('close', (code) => done({ code, ...output }));
    started?.(child);
  });
}

let warm: ChildProcess | undefined;
let queue: Promise<unknown> = Promise.resolve();

/**
 * Runs the built command line without a terminal, in a process that stays for the next one: the same `main` as that of
 * bin/run.js, without loading it anew. What is about processes takes `quantlineProcess`.
 */
export function quantline(args: readonly string[], options: RunOptions): Promise<Result> {
  const result = queue.then(() => runWarm(args, options));
  queue = result.catch(() => {});
  return result;
}

function runWarm(args: readonly string[], options: RunOptions): Promise<Result> {
  warm ??= fork(resolve(import.meta.dirname, 'warm.mjs'), { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] });
  const child = warm;
  const mark = '\0end of output\0';
  return new Promise((done, fail) => {
    const output = collect(child);
    let code: number | undefined;
    const look = () => {
      if (code === undefined || !output.stdout.endsWith(mark) || !output.stderr.endsWith(mark)) return;
      child.off('message', answered).off('exit', failed);
      for (const stream of [child.stdout!, child.stderr!]) stream.removeAllListeners('data');
      done({ code, stdout: output.stdout.slice(0, -mark.length), stderr: output.stderr.slice(0, -mark.length) });
    };
    const answered = (message: unknown) => {
      code = (message as { code: number }).code;
      look();
    };
    const failed = (ended: number | null, signal: string | null) => {
      warm = undefined;
      fail(new Error(`quantline ${args.join(' ')} ended its process (${ended ?? signal}): ${output.stderr}`));
    };
    child.on('message', answered).on('exit', failed);
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', look);
    child.send({ args, cwd: options.cwd, env: environment(options), mark });
  });
}

function collect(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  return output;
}
