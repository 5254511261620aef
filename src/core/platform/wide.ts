import { isAscii } from 'node:buffer';
import { arch, versions } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { hasFusedMultiplyAdd } from './fused.js';

/** What V8 is told while it compiles: join, and optimise all functions at once, as later the flag is off again. */
const FLAGS = ['liftoff', 'wasm-lazy-compilation', 'wasm-tier-up', 'wasm-dynamic-tiering'];

/**
 * Whether V8 can join two neighbouring 128-bit operations of WebAssembly into one of 256 bits. V8 13.6 (Node 24) does that for
 * fused multiply-adds on x64, behind a flag; 12.4 (Node 22) has the flag, but joins nothing. Lanes are computed as before,
 * so results have the same bits. An experiment of V8's, hence by this version only: the tests hold its results to the bit.
 */
export const canJoinVectors = (): boolean => arch === 'x64' && versions.v8.startsWith('13.6.') && hasFusedMultiplyAdd();

/** Runs `compile` with joining switched on, for the module that it compiles and no other. */
export function joiningVectors<T>(compile: () => T): T {
  setFlagsFromString('--experimental-wasm-revectorize');
  for (const flag of FLAGS) setFlagsFromString(`--no-${flag}`);
  try {
    return compile();
  } finally {
    for (const flag of FLAGS) setFlagsFromString(`--${flag}`);
    setFlagsFromString('--no-experimental-wasm-revectorize');
  }
}

const TEXT = new Uint8Array(256);

/**
 * To be called between joined code and anything else. V8 leaves the upper halves of the registers in use, with which code
 * compiled for SSE (V8's own Math.exp, for one) takes 17 times as long; Node's text routines clear them, in 30 ns.
 */
export const leaveJoinedCode = (): void => void isAscii(TEXT);
