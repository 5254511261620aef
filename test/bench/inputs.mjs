/**
 * The inputs of all benchmarks, rebuilt bit for bit in any language: mulberry32, then only + - * / and floor.
 * Cached as raw little-endian columns in $PEERS_DATA, $PEERS/data or the user's cache folder, under the names that
 * the peers' scripts use, so that both sides read the same bytes. Known files are checked against their sha256.
 */
import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';

const SIGMA = 0.0004;
const DRIFT = 0.00012;
const BLOCK = 480;
const START = 1577836800000;

/** First 16 hex digits of the sha256 of each published input. */
export const SHA256 = {
  'bars_1000000_s1.csv': '2a27c085226bf712',
  'bars_1000000_s1.f64': '61ca2df631c2d330',
  'bars_100000_s1.csv': '7fc8ce6c189cee04',
  'bars_100000_s1.f64': '2833c0bcaad3ebc0',
  'table_250000_s7.f32': 'f6036f22b1b12954',
  'table_250000_s7.u8': '1e3e054e5ef384ca',
  'seqs_s11.f32': '3608d7904a25da28',
  'seqs_s11.u8': '766c0112fe53646a',
};

export function mulberry32(seed) {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const micro = (x) => Math.floor(x * 1e6 + 0.5) / 1e6;

/** n one-minute bars: six columns of n (time, open, high, low, close, volume), one after another. */
export function genBars(n, seed) {
  const u = mulberry32(seed);
  const ud = mulberry32((seed ^ 0x9e3779b9) >>> 0);
  const drift = [];
  for (let i = 0; i < Math.floor(n / (2 * BLOCK)) + 1; i++) drift.push((ud() - 0.5) * (2 * DRIFT));
  const out = new Float64Array(6 * n);
  let close = 100;
  for (let i = 0; i < n; i++) {
    const u0 = u();
    const u1 = u();
    const u2 = u();
    const u3 = u();
    const u4 = u();
    const u5 = u();
    const u6 = u();
    const u7 = u();
    const block = Math.floor(i / BLOCK);
    const mu = block % 2 === 0 ? drift[block >> 1] : -drift[block >> 1];
    const previous = close;
    close = previous * (1 + (mu + SIGMA * (u0 + u1 + u2 + u3 - 2)));
    const open = previous * (1 + (u4 - 0.5) * 0.0001);
    out[i] = START + 60000 * i;
    out[n + i] = micro(open);
    out[2 * n + i] = micro(Math.max(open, close) * (1 + u5 * 0.0005));
    out[3 * n + i] = micro(Math.min(open, close) * (1 - u6 * 0.0005));
    out[4 * n + i] = micro(close);
    out[5 * n + i] = 1 + Math.floor(u7 * u7 * 10000);
  }
  return out;
}

/** n rows × 30 float32 features (row-major) and uint8 labels; 64 uniforms a row. */
export function genTable(n, seed = 7) {
  const next = mulberry32(seed);
  const X = new Float32Array(n * 30);
  const y = new Uint8Array(n);
  const u = new Float64Array(64);
  const x = new Float64Array(30);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < 64; j++) u[j] = next();
    for (let j = 0; j < 30; j++) x[j] = u[2 * j] + u[2 * j + 1] - 1;
    const z =
      x[0] +
      2 * x[1] * x[2] +
      (x[3] > 0 ? 0.8 * x[4] : -0.8 * x[5]) +
      0.5 * x[6] * x[6] -
      0.05 +
      0.7 * (u[60] + u[61] + u[62] - 1.5);
    X.set(x, i * 30);
    y[i] = z > 0 ? 1 : 0;
  }
  return { X, y };
}

/** n sequences × T steps × F features, float32 row-major, and uint8 labels. */
export function genSeqs(n = 4096, T = 32, F = 16, seed = 11) {
  const next = mulberry32(seed);
  const X = new Float32Array(n * T * F);
  const y = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    let z = 0;
    for (let t = 0; t < T; t++) {
      let first = 0;
      for (let f = 0; f < F; f++) {
        const a = next();
        const v = a + next() - 1;
        X[(i * T + t) * F + f] = v;
        if (f === 0) first = v;
        if (f === 1) z += 0.5 * v;
      }
      if (t >= T - 8) z += first;
    }
    y[i] = z > 0 ? 1 : 0;
  }
  return { X, y };
}

/** Folder of the cached inputs; made when absent. */
export function dataFolder() {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = process.env.PEERS_DATA ?? join(process.env.PEERS ?? join(cache, 'quantline-peers'), 'data');
  mkdirSync(folder, { recursive: true });
  return folder;
}

const sha16 = (data) => createHash('sha256').update(data).digest('hex').slice(0, 16);

function check(name, data) {
  const want = SHA256[name];
  if (want !== undefined && sha16(data) !== want)
    throw new Error(`${join(dataFolder(), name)} does not have sha256 ${want}…: delete it and run again.`);
}

function cached(name, make) {
  const path = join(dataFolder(), name);
  if (existsSync(path)) {
    const data = readFileSync(path);
    check(name, data);
    return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  }
  const array = make();
  const data = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  check(name, data);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, data);
  renameSync(temporary, path);
  return array.buffer;
}

/** `{time, open, high, low, close, volume}`, Float64Array each, on one buffer. */
export function bars(n, seed = 1) {
  const all = new Float64Array(cached(`bars_${n}_s${seed}.f64`, () => genBars(n, seed)));
  const column = (j) => all.subarray(j * n, (j + 1) * n);
  return {
    time: column(0),
    open: column(1),
    high: column(2),
    low: column(3),
    close: column(4),
    volume: column(5),
  };
}

/** Path of the CSV with the same bars, header `timestamp,open,high,low,close,volume`. */
export async function csvPath(n, seed = 1) {
  const name = `bars_${n}_s${seed}.csv`;
  const path = join(dataFolder(), name);
  if (existsSync(path)) return path;
  const b = bars(n, seed);
  const fixed = (x) => {
    const k = Math.floor(x * 1e6 + 0.5);
    return `${Math.floor(k / 1e6)}.${String(k % 1e6).padStart(6, '0')}`;
  };
  const temporary = `${path}.${process.pid}.tmp`;
  const file = createWriteStream(temporary);
  const hash = createHash('sha256');
  const write = (text) => {
    hash.update(text);
    file.write(text);
  };
  write('timestamp,open,high,low,close,volume\n');
  for (let i = 0; i < n; i += 10000) {
    let block = '';
    for (let j = i; j < Math.min(n, i + 10000); j++)
      block += `${b.time[j]},${fixed(b.open[j])},${fixed(b.high[j])},${fixed(b.low[j])},${fixed(b.close[j])},${b.volume[j]}\n`;
    write(block);
  }
  file.end();
  await finished(file);
  const want = SHA256[name];
  if (want !== undefined && hash.digest('hex').slice(0, 16) !== want)
    throw new Error(`${temporary} does not have sha256 ${want}…`);
  renameSync(temporary, path);
  return path;
}

/** `{X, y}` of the boosting workload: X n × 30 float32 row-major. */
export function table(n, seed = 7) {
  let made;
  const make = () => (made ??= genTable(n, seed));
  const X = new Float32Array(cached(`table_${n}_s${seed}.f32`, () => make().X));
  const y = new Uint8Array(cached(`table_${n}_s${seed}.u8`, () => make().y));
  return { X, y };
}

/** `{X, y}` of the network workload: X 4096 × 32 × 16 float32 row-major. */
export function seqs() {
  let made;
  const make = () => (made ??= genSeqs());
  const X = new Float32Array(cached('seqs_s11.f32', () => make().X));
  const y = new Uint8Array(cached('seqs_s11.u8', () => make().y));
  return { X, y };
}
