import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type ArtifactIdentity,
  type ArtifactKind,
  buildId,
  identityOf,
  LocalArtifactStore,
} from '../../../src/core/artifacts/index.js';
import { serializeManifest } from '../../../src/core/artifacts/manifest.js';

let workspace: string;
let store: LocalArtifactStore;

beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'quantline-artifacts-'));
  store = new LocalArtifactStore(workspace);
});
afterEach(() => rm(workspace, { recursive: true, force: true }));

const identity = (
  kind: ArtifactKind,
  settings: ArtifactIdentity['settings'] = {},
  more: Partial<ArtifactIdentity> = {},
) => ({ kind, schema: 1, stage: 'test', settings, inputs: [], build: '1.0.0+abc', ...more }) satisfies ArtifactIdentity;

const payload =
  (text = 'hello', summary = { rows: 1 }) =>
  async (folder: string) => {
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'data.txt'), text);
    await writeFile(join(folder, 'deep', 'more.bin'), new Uint8Array([1, 2, 3]));
    return { summary };
  };

const failure = async (promise: Promise<unknown>) => {
  try {
    await promise;
  } catch (error) {
    return error as Error & { code: string; hint?: string; exitCode: number; details: Record<string, unknown> };
  }
  throw new Error('expected a failure');
};

/** Everything in the workspace except staging. */
const tree = async () =>
  (await readdir(workspace, { recursive: true })).filter((name) => !name.startsWith('.staging')).sort();

describe('create', () => {
  test('writes payload and manifest at <workspace>/<kind>/<id>, without wall-clock time', async () => {
    const wanted = identity('run', { cash: 1000 }, { seed: 7, engine: { name: 'embedded', version: '1' } });
    const { artifact, reused } = await store.create(wanted, payload());
    expect(reused).toBe(false);
    expect(artifact.path).toBe(join(workspace, 'run', identityOf(wanted)));
    expect(await readFile(artifact.file('deep/more.bin'))).toHaveLength(3);
    const manifest = JSON.parse(await readFile(join(artifact.path, 'manifest.json'), 'utf8'));
    expect(Object.keys(manifest).sort()).toEqual(
      'build checksum engine files id inputs kind runtime schema seed settings stage summary'.split(' '),
    );
    expect(Object.keys(manifest.files)).toEqual(['data.txt', 'deep/more.bin']);
    expect(manifest.files['data.txt']).toEqual({
      sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      bytes: 5,
    });
    expect(await readdir(join(workspace, '.staging'))).toEqual([]);
  });

  test('two stores give equal bytes', async () => {
    const other = await mkdtemp(join(tmpdir(), 'quantline-artifacts-'));
    const a = (await store.create(identity('model', { b: 1, a: 2 }), payload())).artifact;
    const b = (await new LocalArtifactStore(other).create(identity('model', { a: 2, b: 1 }), payload())).artifact;
    expect(await readFile(join(a.path, 'manifest.json'), 'utf8')).toBe(
      await readFile(join(b.path, 'manifest.json'), 'utf8'),
    );
    await rm(other, { recursive: true });
  });

  test('returns the verified artefact of the same identity without computing', async () => {
    await store.create(identity('run'), payload());
    const again = await store.create(identity('run'), () => Promise.reject(new Error('computed twice')));
    expect(again.reused).toBe(true);
  });

  test.each([
    ['settings', { settings: { cash: 2 } }],
    ['inputs', { inputs: [{ kind: 'dataset' as const, id: '0123456789abcdef' }] }],
    ['seed', { seed: 1 }],
    ['engine', { engine: { name: 'native', version: '3' } }],
    ['build', { build: '1.0.1+abc' }],
    ['stage', { stage: 'other' }],
  ])('%s enters the id', (_, change) => {
    expect(identityOf(identity('run', {}, change))).not.toBe(identityOf(identity('run')));
  });

  test('content alone decides the id where it is given', () => {
    const a = identity('dataset', { file: 'a.csv' }, { content: 'abc', build: '1' });
    const b = identity('dataset', { file: 'b.csv' }, { content: 'abc', build: '2' });
    expect(identityOf(a)).toBe(identityOf(b));
    expect(identityOf({ ...a, content: 'abd' })).not.toBe(identityOf(a));
  });

  test('--force computes again: equal bytes pass, different ones are a bug and change nothing', async () => {
    const { artifact } = await store.create(identity('run'), payload());
    expect((await store.create(identity('run'), payload(), { force: true })).reused).toBe(false);
    const error = await failure(store.create(identity('run'), payload('HELLO'), { force: true }));
    expect(error.code).toBe('BUG');
    expect(error.message).toContain('data.txt');
    expect(await readFile(artifact.file('data.txt'), 'utf8')).toBe('hello');
  });

  test('--force repairs a damaged artefact; without it the damage is reported', async () => {
    const { artifact } = await store.create(identity('run'), payload());
    await writeFile(artifact.file('data.txt'), 'jello');
    expect((await failure(store.create(identity('run'), payload()))).code).toBe('ARTIFACT_CORRUPT');
    await store.create(identity('run'), payload(), { force: true });
    expect(await readFile((await store.open('run', artifact.id)).file('data.txt'), 'utf8')).toBe('hello');
  });

  test('half-written leftovers are ignored and replaced', async () => {
    const id = identityOf(identity('run'));
    await mkdir(join(workspace, 'run', id), { recursive: true });
    await writeFile(join(workspace, 'run', id, 'data.txt'), 'half');
    expect(await store.list('run')).toEqual([]);
    expect((await failure(store.open('run', id))).code).toBe('ARTIFACT_NOT_FOUND');
    const { artifact } = await store.create(identity('run'), payload());
    expect(await readFile(artifact.file('data.txt'), 'utf8')).toBe('hello');
  });

  test('a failing stage, a full disk and Ctrl-C leave nothing', async () => {
    await store.create(identity('dataset'), payload());
    const before = await tree();
    const writer = (error: Error) => async (folder: string) => {
      await writeFile(join(folder, 'data.txt'), 'half');
      throw error;
    };
    expect((await failure(store.create(identity('run'), writer(new Error('boom'))))).message).toBe('boom');
    const full = await failure(
      store.create(identity('run'), writer(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }))),
    );
    expect([full.code, full.exitCode]).toEqual(['STORAGE', 4]);
    expect(full.message).toContain('disk is full');
    const controller = new AbortController();
    const aborted = store.create(
      identity('run'),
      async (folder) => {
        const result = await payload()(folder);
        controller.abort(new Error('interrupted'));
        return result;
      },
      { signal: controller.signal },
    );
    expect((await failure(aborted)).message).toBe('interrupted');
    expect(await tree()).toEqual(before);
    expect(await readdir(join(workspace, '.staging'))).toEqual([]);
  });

  test('many at once give one artefact', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => store.create(identity('run'), payload())));
    expect(new Set(results.map((r) => r.artifact.path)).size).toBe(1);
    expect(await readdir(join(workspace, '.staging'))).toEqual([]);
  });

  test('staging left by a process long dead is swept', async () => {
    const old = join(workspace, '.staging', 'run-x-1-00');
    await mkdir(old, { recursive: true });
    await writeFile(join(old, 'data'), 'x');
    await utimes(old, 1, 1);
    await store.create(identity('run'), payload());
    expect(await readdir(join(workspace, '.staging'))).toEqual([]);
  });
});

describe('open', () => {
  test('by path, manifest path, id, prefix, tag and latest', async () => {
    const { artifact: first } = await store.create(identity('run', 1), payload('one'));
    const { artifact: second } = await store.create(identity('run', 2), payload('two'));
    await store.tag('champion:swing', first);
    for (const reference of [
      first.path,
      join(first.path, 'manifest.json'),
      first.id,
      first.id.slice(0, 6),
      'champion:swing',
    ]) {
      expect((await store.open('run', reference)).id).toBe(first.id);
    }
    expect((await store.open('run', 'latest')).id).toBe(second.id);
    await store.create(identity('run', 1), payload('one'));
    expect((await store.open(['report', 'run'], 'latest')).id).toBe(first.id);
  });

  test('latest falls back to the newest manifest', async () => {
    const { artifact: a } = await store.create(identity('run', 1), payload());
    const { artifact: b } = await store.create(identity('run', 2), payload());
    await rm(join(workspace, 'run', 'latest.json'));
    await utimes(join(b.path, 'manifest.json'), 1, 1);
    expect((await store.open('run', 'latest')).id).toBe(a.id);
  });

  test('says what is missing, with the nearest ids', async () => {
    const { artifact } = await store.create(identity('run'), payload());
    const wrong = `${artifact.id.slice(0, 15)}${artifact.id.endsWith('0') ? '1' : '0'}`;
    const error = await failure(store.open('run', wrong));
    expect([error.code, error.exitCode]).toEqual(['ARTIFACT_NOT_FOUND', 4]);
    expect(error.hint).toContain(artifact.id);
    expect((await failure(store.open('run', join(workspace, 'nowhere')))).message).toContain('does not exist');
    expect((await failure(store.open('run', workspace))).message).toContain('no manifest.json');
    expect((await failure(store.open('run', 'champion:swing'))).message).toContain('No tag');
    expect((await failure(store.open('report', 'latest'))).message).toContain('no report');
    expect((await failure(store.open('run', 'what is this'))).code).toBe('USAGE');
  });

  test('an ambiguous prefix lists what it fits', async () => {
    await store.create(identity('run', 1), payload());
    for (const id of ['aaaa000000000001', 'aaaa000000000002']) {
      await mkdir(join(workspace, 'run', id));
      await writeFile(join(workspace, 'run', id, 'manifest.json'), '{}');
    }
    const error = await failure(store.open('run', 'aaaa'));
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain('aaaa000000000001, run aaaa000000000002');
  });

  test('a wrong kind is named with the right one', async () => {
    const { artifact } = await store.create(identity('dataset'), payload());
    for (const reference of [artifact.path, artifact.id]) {
      const error = await failure(store.open('run', reference));
      expect([error.code, error.exitCode]).toEqual(['ARTIFACT_KIND', 4]);
      expect(error.message).toContain('This is a dataset; pass a run');
    }
  });

  test('a newer schema is refused as such', async () => {
    const wanted = { ...identity('run'), schema: 9 };
    const manifest = { ...wanted, inputs: [], id: identityOf(wanted), runtime: 'x', summary: null, files: {} };
    const folder = join(workspace, 'run', manifest.id);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'manifest.json'), serializeManifest(manifest));
    const error = await failure(store.open('run', manifest.id));
    expect(error.code).toBe('ARTIFACT_KIND');
    expect(error.message).toContain('newer version');
  });

  test('every single byte of the manifest is covered', async () => {
    const { artifact } = await store.create(identity('run', { cash: 1000 }), payload());
    const path = join(artifact.path, 'manifest.json');
    const original = await readFile(path);
    for (let i = 0; i < original.length; i++) {
      const changed = Buffer.from(original);
      changed[i] = changed[i]! ^ 1;
      await writeFile(path, changed);
      expect((await failure(store.open('run', artifact.id))).code, `byte ${i}`).toBe('ARTIFACT_CORRUPT');
    }
    await writeFile(path, original.toString().replace('\n ', '\n\t'));
    expect((await failure(store.open('run', artifact.id))).code).toBe('ARTIFACT_CORRUPT');
    await writeFile(path, original.subarray(0, original.length / 2));
    expect((await failure(store.open('run', artifact.id))).code).toBe('ARTIFACT_CORRUPT');
    await writeFile(path, original);
    await store.open('run', artifact.id);
  });

  test('a payload changed by one byte, longer, or missing is named', async () => {
    const { artifact } = await store.create(identity('run'), payload());
    const check = async (what: string) => {
      const error = await failure(store.open('run', artifact.id));
      expect(error.code).toBe('ARTIFACT_CORRUPT');
      expect(error.message).toContain('data.txt');
      expect(error.message).toContain(what);
    };
    await writeFile(artifact.file('data.txt'), 'hellp');
    await check('was changed');
    await appendFile(artifact.file('data.txt'), '!');
    await check('6 bytes instead of 5');
    await rm(artifact.file('data.txt'));
    await check('is missing');
    expect(() => artifact.file('nothing.bin')).toThrow('has no file nothing.bin');
  });

  test('a manifest whose id does not follow from its contents is refused even with a valid checksum', async () => {
    const manifest = { ...identity('run'), id: '0123456789abcdef', runtime: 'x', summary: null, files: {}, inputs: [] };
    const folder = join(workspace, 'run', manifest.id);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'manifest.json'), serializeManifest(manifest));
    expect((await failure(store.open('run', manifest.id))).message).toContain('id does not match');
  });

  test('file names that lead out of the folder are refused', async () => {
    const files = { '../../secret': { sha256: 'a'.repeat(64), bytes: 1 } };
    const manifest = {
      ...identity('run'),
      id: identityOf(identity('run')),
      runtime: 'x',
      summary: null,
      files,
      inputs: [],
    };
    const folder = join(workspace, 'run', manifest.id);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'manifest.json'), serializeManifest(manifest));
    expect((await failure(store.open('run', manifest.id))).code).toBe('ARTIFACT_CORRUPT');
  });

  test('lineage is followed beside the artefact, from any workspace', async () => {
    const { artifact: data } = await store.create(identity('dataset'), payload());
    const inputs = [{ kind: 'dataset' as const, id: data.id }];
    const { artifact: run } = await store.create(identity('run', {}, { inputs }), payload());
    const elsewhere = new LocalArtifactStore(join(workspace, 'other'));
    const opened = await elsewhere.open('run', run.path);
    expect((await elsewhere.openInput(opened, 'dataset')).path).toBe(data.path);
    expect((await failure(store.openInput(run, 'model'))).code).toBe('MISMATCH');
    await rm(data.path, { recursive: true });
    expect((await failure(store.openInput(run, 'dataset'))).message).toContain(data.id);
  });
});

describe('list, tags, remove', () => {
  test('lists newest first and shows damage instead of failing', async () => {
    const { artifact: a } = await store.create(identity('run', 1), payload());
    const { artifact: b } = await store.create(identity('run', 2), payload());
    await utimes(join(a.path, 'manifest.json'), 1, 1);
    await store.tag('best', a);
    expect((await store.list('run')).map((r) => [r.id, r.tags])).toEqual([
      [b.id, []],
      [a.id, ['best']],
    ]);
    await writeFile(join(b.path, 'manifest.json'), '{');
    const damaged = (await store.list('run')).find((r) => r.id === b.id);
    expect(damaged?.manifest).toBeUndefined();
    expect(damaged?.problem).toContain('not JSON');
  });

  test('tags move, vanish, and are checked', async () => {
    const { artifact: a } = await store.create(identity('run', 1), payload());
    const { artifact: b } = await store.create(identity('run', 2), payload());
    await store.tag('champion:swing', a);
    await store.tag('champion:swing', b);
    expect(await store.tags()).toEqual([{ tag: 'champion:swing', kind: 'run', id: b.id }]);
    expect((await failure(store.open('run', 'champion:swin'))).hint).toContain('champion:swing');
    await store.untag('champion:swing');
    expect(await store.tags()).toEqual([]);
    expect((await failure(store.untag('champion:swing'))).code).toBe('ARTIFACT_NOT_FOUND');
    for (const bad of ['latest', 'abcd', 'a/b', '../x', '', 'a b', 'run']) {
      expect((await failure(store.tag(bad, a))).code, bad).toBe('USAGE');
    }
    expect((await failure(store.tag('x:y', { kind: 'run', id: '0'.repeat(16) }))).code).toBe('ARTIFACT_NOT_FOUND');
  });

  test('remove refuses what is needed, unless forced', async () => {
    const { artifact: data } = await store.create(identity('dataset'), payload());
    const { artifact: run } = await store.create(
      identity('run', {}, { inputs: [{ kind: 'dataset', id: data.id }] }),
      payload(),
    );
    expect((await failure(store.remove(data))).message).toContain(`run ${run.id}`);
    await store.tag('best', run);
    expect((await failure(store.remove(run))).message).toContain('best');
    await store.remove(run, { force: true });
    expect(await store.tags()).toEqual([]);
    await store.remove(data);
    expect(await store.list('dataset')).toEqual([]);
    await expect(stat(data.path)).rejects.toThrow();
  });
});

test('the build id is the package version and a stable hash', () => {
  expect(buildId()).toMatch(/^\d+\.\d+\.\d+\+[0-9a-f]{12}$/);
  expect(buildId()).toBe(buildId());
});
