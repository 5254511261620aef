import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type ArtifactIdentity,
  type ArtifactKind,
  type ArtifactStore,
  identityOf,
} from '../../../src/core/artifacts/index.js';

export const identity = (
  kind: ArtifactKind,
  settings: ArtifactIdentity['settings'] = {},
  more: Partial<ArtifactIdentity> = {},
) => ({ kind, schema: 1, stage: 'test', settings, inputs: [], build: '1.0.0+abc', ...more }) satisfies ArtifactIdentity;

export const payload =
  (text = 'hello') =>
  async (folder: string) => {
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'data.txt'), text);
    await writeFile(join(folder, 'deep', 'more.bin'), new Uint8Array([1, 2, 3]));
    return { summary: { rows: 1 } };
  };

/** A folder that is gone after the test. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'quantline-artifacts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What every store of artefacts has to keep to. `open` opens the one place anew, as another process would. */
export function artifactContract(
  name: string,
  place: () => Promise<{ open(): ArtifactStore | Promise<ArtifactStore> }>,
): void {
  describe(`${name} as an ArtifactStore`, () => {
    it('makes an artefact once, and gives it to others, verified', async () => {
      const { open } = await place();
      const { artifact, reused } = await (await open()).create(identity('run', { cash: 1 }), payload());
      expect([reused, artifact.id]).toEqual([false, identityOf(identity('run', { cash: 1 }))]);
      expect(artifact.path.endsWith(`run/${artifact.id}`)).toBe(true);
      const other = await open();
      const again = await other.create(identity('run', { cash: 1 }), () => Promise.reject(new Error('computed twice')));
      expect([again.reused, again.artifact.path]).toEqual([true, artifact.path]);
      for (const reference of [
        artifact.path,
        `${artifact.path}/manifest.json`,
        artifact.id,
        artifact.id.slice(0, 6),
        'latest',
      ]) {
        const found = await other.open('run', reference);
        expect(found.manifest).toEqual(artifact.manifest);
        expect(await readFile(found.file('data.txt'), 'utf8')).toBe('hello');
        expect(await readFile(found.file('deep/more.bin'))).toHaveLength(3);
      }
    });

    it('knows the latest, of one kind and of several, also one that was only asked for again', async () => {
      const { open } = await place();
      const store = await open();
      const one = await store.create(identity('run', 1), payload());
      const two = await store.create(identity('run', 2), payload());
      expect((await store.open('run', 'latest')).id).toBe(two.artifact.id);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await store.create(identity('run', 1), payload());
      expect((await (await open()).open('run', 'latest')).id).toBe(one.artifact.id);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const report = await store.create(identity('report'), payload());
      expect((await store.open(['run', 'report'], 'latest')).id).toBe(report.artifact.id);
      expect((await store.list('run')).map(({ id }) => id).sort()).toEqual(
        [one, two].map(({ artifact }) => artifact.id).sort(),
      );
    });

    it('follows inputs, tags and untags, and keeps what is needed', async () => {
      const { open } = await place();
      const store = await open();
      const { artifact: data } = await store.create(identity('dataset', {}, { content: 'abc' }), payload());
      const inputs = [{ kind: data.kind, id: data.id }];
      const { artifact: model } = await store.create(identity('model', {}, { inputs }), payload());
      expect((await (await open()).openInput(model, 'dataset')).id).toBe(data.id);
      await expect(store.openInput(model, 'run')).rejects.toMatchObject({ code: 'MISMATCH' });
      await store.tag('champion:swing', model);
      expect((await (await open()).open('model', 'champion:swing')).id).toBe(model.id);
      expect(await store.tags()).toEqual([{ tag: 'champion:swing', kind: 'model', id: model.id }]);
      expect((await store.list('model'))[0]!.tags).toEqual(['champion:swing']);
      await expect(store.remove(data)).rejects.toMatchObject({
        code: 'MISMATCH',
        message: expect.stringContaining('model'),
      });
      await expect(store.remove(model)).rejects.toMatchObject({ message: expect.stringContaining('champion:swing') });
      await store.untag('champion:swing');
      await expect(store.untag('champion:swing')).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
      await store.remove(model);
      await store.remove(data);
      expect([await store.list('model'), await store.list('dataset')]).toEqual([[], []]);
      await expect((await open()).open('model', model.id)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    });

    it('says what is not there, and what is of another kind', async () => {
      const { open } = await place();
      const store = await open();
      await expect(store.open('run', 'latest')).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND', exitCode: 4 });
      const { artifact } = await store.create(identity('run'), payload());
      await expect(store.open('model', artifact.id)).rejects.toMatchObject({ code: 'ARTIFACT_KIND', exitCode: 4 });
      await expect(store.open('model', artifact.path)).rejects.toMatchObject({ code: 'ARTIFACT_KIND' });
      await expect(store.open('run', artifact.path.replace(/\w{4}$/, 'zzzz'))).rejects.toMatchObject({
        code: 'ARTIFACT_NOT_FOUND',
      });
      await expect(store.open('run', 'no-such-tag')).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    });

    it('computes again and compares where that is forced', async () => {
      const { open } = await place();
      await (await open()).create(identity('run'), payload());
      const same = await (await open()).create(identity('run'), payload(), { force: true });
      expect(same.reused).toBe(false);
      const other = (await open()).create(identity('run'), payload('other'), { force: true });
      await expect(other).rejects.toMatchObject({ code: 'BUG', message: expect.stringContaining('data.txt') });
      expect(await readFile((await (await open()).open('run', 'latest')).file('data.txt'), 'utf8')).toBe('hello');
    });

    it('leaves nothing under a final name where writing fails or is interrupted', async () => {
      const { open } = await place();
      const store = await open();
      await expect(store.create(identity('run'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
      const control = new AbortController();
      const write = async (folder: string) => {
        control.abort(new Error('Ctrl-C'));
        return payload()(folder);
      };
      await expect(store.create(identity('run'), write, { signal: control.signal })).rejects.toThrow('Ctrl-C');
      expect(await (await open()).list('run')).toEqual([]);
      expect((await store.create(identity('run'), payload())).reused).toBe(false);
    });

    it('lets two make the same at once: both get it', async () => {
      const { open } = await place();
      const [a, b] = [await open(), await open()];
      const made = await Promise.all([a, b].map((store) => store.create(identity('run'), payload())));
      expect(made.map(({ artifact }) => artifact.manifest)).toEqual([
        made[0]!.artifact.manifest,
        made[0]!.artifact.manifest,
      ]);
      expect(await a.list('run')).toHaveLength(1);
    });
  });
}
