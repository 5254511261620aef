/**
 * For tests of what survives a crash: `FAULT_POINT=after-send` or `after-send:3` ends the process with SIGKILL at the
 * first (third) passing of that named point, as a power cut would. Without the variable there is no hook at all.
 */
export function faultPoint(text: string | undefined): ((name: string) => void) | undefined {
  const match = /^([a-z-]+)(?::(\d+))?$/.exec(text ?? '');
  if (match === null) return undefined;
  let left = Number(match[2] ?? 1);
  return (name) => {
    if (name === match[1] && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
