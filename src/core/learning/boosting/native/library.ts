import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { QuantlineError } from '../../../errors/index.js';
import { type NativeFunction, type NativeLibrary, openNativeLibrary } from '../../../platform/native.js';

const FILE_NAMES = ['libxgboost.so', 'libxgboost.dylib', 'xgboost.dll'];

/** Versions whose C interface and JSON schema are known: from, and below. */
const FIRST_VERSION = [1, 7] as const;
const FIRST_UNKNOWN_MAJOR = 4;

/** XGBoost's C interface, as far as it is used. Every function throws with the library's own message on failure. */
export interface XgboostLibrary {
  readonly path: string;
  readonly version: string;
  call(name: keyof typeof PROTOTYPES, ...args: unknown[]): void;
  decode: NativeLibrary['decode'];
}

const PROTOTYPES = {
  XGDMatrixCreateFromMat_omp:
    'int XGDMatrixCreateFromMat_omp(const float* data, uint64_t nrow, uint64_t ncol, float missing, _Out_ void** out, int nthread)',
  XGDMatrixSetFloatInfo: 'int XGDMatrixSetFloatInfo(void* handle, str field, const float* array, uint64_t len)',
  XGDMatrixFree: 'int XGDMatrixFree(void* handle)',
  XGBoosterCreate: 'int XGBoosterCreate(void** dmats, uint64_t len, _Out_ void** out)',
  XGBoosterFree: 'int XGBoosterFree(void* handle)',
  XGBoosterSetParam: 'int XGBoosterSetParam(void* handle, str name, str value)',
  XGBoosterUpdateOneIter: 'int XGBoosterUpdateOneIter(void* handle, int iter, void* dtrain)',
  XGBoosterEvalOneIter:
    'int XGBoosterEvalOneIter(void* handle, int iter, void** dmats, const char** names, uint64_t len, _Out_ const char** out)',
  XGBoosterSaveModelToBuffer:
    'int XGBoosterSaveModelToBuffer(void* handle, str config, _Out_ uint64_t* len, _Out_ void** out)',
  XGBoosterSaveJsonConfig: 'int XGBoosterSaveJsonConfig(void* handle, _Out_ uint64_t* len, _Out_ const char** out)',
  XGBoosterLoadModelFromBuffer: 'int XGBoosterLoadModelFromBuffer(void* handle, const uint8_t* buf, uint64_t len)',
  XGBoosterPredictFromDMatrix:
    'int XGBoosterPredictFromDMatrix(void* handle, void* dmat, str config, _Out_ void** shape, _Out_ uint64_t* dim, _Out_ void** result)',
} as const;

/**
 * Where the library may lie: first the given file or folder (a virtual environment, a site-packages folder or the
 * wheel itself), then further prefixes, then Python's usual folders, then the system's.
 */
export function libraryCandidates(given: string | undefined, prefixes: readonly string[] = []): string[] {
  const found: string[] = [];
  const add = (path: string): void => {
    if (!found.includes(path) && existsSync(path) && statSync(path).isFile()) found.push(path);
  };
  if (given !== undefined) {
    for (const path of FILE_NAMES.includes(basename(given)) || isFile(given) ? [given] : inPrefix(given)) add(path);
    return found;
  }
  for (const prefix of [...prefixes, join(homedir(), '.local'), '/usr/local', '/usr', '/opt/homebrew'])
    for (const path of inPrefix(prefix)) add(path);
  return found;
}

const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();

function inPrefix(prefix: string): string[] {
  const folders = [prefix, join(prefix, 'lib'), join(prefix, 'xgboost', 'lib')];
  for (const lib of [join(prefix, 'lib'), join(prefix, 'Lib')]) {
    folders.push(join(lib, 'site-packages', 'xgboost', 'lib'));
    for (const name of list(lib)) {
      if (/-linux-gnu$/.test(name)) folders.push(join(lib, name));
      if (!/^python3/.test(name)) continue;
      for (const packages of ['site-packages', 'dist-packages'])
        folders.push(join(lib, name, packages, 'xgboost', 'lib'));
    }
  }
  return folders.flatMap((folder) => FILE_NAMES.map((name) => join(folder, name)));
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort().reverse();
  } catch {
    return [];
  }
}

const opened = new Map<string, Promise<XgboostLibrary>>();

/**
 * Opens the first library found. Throws CONFIG when there is none, or when it is of a version whose interface is not
 * known. A library is opened once per process.
 */
export async function openXgboost(
  options: { readonly library?: string; readonly prefixes?: readonly string[] } = {},
): Promise<XgboostLibrary> {
  const [path] = libraryCandidates(options.library, options.prefixes);
  if (path === undefined) {
    const where =
      options.library === undefined ? 'No XGBoost library is installed' : `${options.library}: no XGBoost library`;
    throw new QuantlineError('CONFIG', `${where}.`, {
      hint: 'pip install xgboost-cpu (or xgboost), name the library in QUANTLINE_XGBOOST_LIB, or use the embedded engine.',
    });
  }
  let library = opened.get(path);
  if (library === undefined) {
    library = bindXgboost(path);
    opened.set(path, library);
    library.catch(() => opened.delete(path));
  }
  return library;
}

async function bindXgboost(path: string): Promise<XgboostLibrary> {
  const native = await openNativeLibrary(path);
  let functions: Record<string, NativeFunction>;
  const parts = [[0], [0], [0]];
  let lastError: NativeFunction;
  try {
    native.bind('void XGBoostVersion(_Out_ int* major, _Out_ int* minor, _Out_ int* patch)')(...parts);
    const [major, minor] = [parts[0]![0]!, parts[1]![0]!];
    const old = major < FIRST_VERSION[0] || (major === FIRST_VERSION[0] && minor < FIRST_VERSION[1]);
    if (old || major >= FIRST_UNKNOWN_MAJOR) {
      throw new QuantlineError('CONFIG', `${path} is XGBoost ${parts.flat().join('.')}; 1.7 to 3.x are supported.`, {
        hint: 'pip install "xgboost-cpu<4", or use the embedded engine.',
      });
    }
    functions = Object.fromEntries(Object.entries(PROTOTYPES).map(([name, text]) => [name, native.bind(text)]));
    lastError = native.bind('const char* XGBGetLastError()');
  } catch (cause) {
    if (cause instanceof QuantlineError) throw cause;
    throw new QuantlineError(
      'CONFIG',
      `${path} is not XGBoost's library, or one older than 1.0: ${(cause as Error).message}`,
      {
        hint: 'Name libxgboost in QUANTLINE_XGBOOST_LIB, or use the embedded engine.',
        cause,
      },
    );
  }
  return {
    path,
    version: parts.flat().join('.'),
    decode: native.decode,
    call(name, ...args) {
      if (functions[name]!(...args) === 0) return;
      const message = firstLine(String(lastError()));
      throw new QuantlineError('CONFIG', `XGBoost ${parts.flat().join('.')}: ${message}`, {
        hint: 'Check the parameters against the XGBoost documentation of this version.',
      });
    },
  };
}

/** The message without time stamp, source line and stack. */
const firstLine = (text: string): string =>
  (text.split('Stack trace')[0] ?? text)
    .replace(/^\[[\d:]+\]\s*\S+:\d+:\s*/, '')
    .replace(/\s+/g, ' ')
    .trim();
