import { spawn } from 'node:child_process';
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
  /** Keeps stdin open for `started` to write to. */
  readonly stdin?: boolean;
  /** Called with the process right after its start. */
  readonly started?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs the built command line without a terminal and with nothing of this process's own settings. */
export function quantline(
  args: readonly string[],
  { cwd, env = {}, started, stdin = false }: RunOptions,
): Promise<Result> {
  return new Promise((done, fail) => {
    const inherited = Object.entries(process.env).filter(([name]) =>
      /^(PATH|HOME|TMPDIR|SystemRoot|APPDATA)$/i.test(name),
    );
    const child = spawn(process.execPath, [bin, ...args], {
      cwd,
      env: { ...Object.fromEntries(inherited), XDG_DATA_HOME: resolve(cwd, 'user-data'), ...env },
      stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr }));
    started?.(child);
  });
}
