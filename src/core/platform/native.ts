import { QuantlineError } from '../errors/index.js';

/** A C function; pointers are typed arrays, bigints or one-element arrays for out parameters. */
export type NativeFunction = (...args: unknown[]) => unknown;

export interface NativeLibrary {
  /** Binds a function by its C prototype (koffi's notation). */
  bind(prototype: string): NativeFunction;
  /** Copies n values of a C type from an address. */
  decode(pointer: unknown, type: string, n: number): unknown;
}

/**
 * Opens a shared library. OpenMP is told to wait passively first (unless the environment says otherwise): its spinning
 * threads cost several times the work on a busy machine. Throws CONFIG when the file is no library for this machine.
 */
export async function openNativeLibrary(path: string): Promise<NativeLibrary> {
  const { default: koffi } = await import('koffi');
  process.env['OMP_WAIT_POLICY'] ??= 'PASSIVE';
  try {
    const library = koffi.load(path);
    return {
      bind: (prototype) => library.func(prototype) as unknown as NativeFunction,
      decode: (pointer, type, n) => koffi.decode(pointer, koffi.array(type, n)),
    };
  } catch (cause) {
    throw new QuantlineError('CONFIG', `${path} cannot be loaded: ${(cause as Error).message}`, {
      hint: 'It must be a shared library for this operating system and processor.',
      cause,
    });
  }
}

const SIG_BLOCK = 0;
const SIG_SETMASK = 2;
/** Bytes of glibc's sigset_t. */
const SIGNAL_SET = 128;

/**
 * A function that runs work with all signals kept from the calling thread, for native code that a signal in its midst
 * breaks; the process' other threads take them meanwhile, and Node hears of them as ever. Linux only: elsewhere the work
 * simply runs.
 */
export async function signalShield(): Promise<<T>(work: () => T) => T> {
  if (process.platform !== 'linux') return (work) => work();
  const { default: koffi } = await import('koffi');
  const setMask = koffi.load(null).func('int pthread_sigmask(int how, const uint8_t *set, uint8_t *old)');
  const all = new Uint8Array(SIGNAL_SET).fill(0xff);
  return (work) => {
    const before = new Uint8Array(SIGNAL_SET);
    setMask(SIG_BLOCK, all, before);
    try {
      return work();
    } finally {
      setMask(SIG_SETMASK, before, null);
    }
  };
}
