import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LocalArtifactStore, ObjectArtifactStore, type ObjectFolder } from '../../../src/core/artifacts/index.js';
import { artifactContract, identity, payload, scratch } from './store.contract.js';

/** Objects in memory; every change after the first `allowed` fails, as after a crash. */
class Memory implements ObjectFolder {
  readonly objects = new Map<string, { data: Buffer; at: number }>();
  allowed = Number.POSITIVE_INFINITY;
  changes = 0;
  private now = 0;

  private change(name: string, data: Buffer | undefined): void {
    if (this.changes >= this.allowed) throw new Error('crashed');
    this.changes++;
    if (data === undefined) this.objects.delete(name);
    else this.objects.set(name, { data, at: ++this.now });
  }

  async create(name: string, data: string) {
    if (this.objects.has(name)) return false;
    this.change(name, Buffer.from(data));
    return true;
  }
  async createFrom(name: string, path: string) {
    const data = await readFile(path);
    if (this.objects.has(name)) return false;
    this.change(name, data);
    return true;
  }
  async put(name: string, data: string) {
    this.change(name, Buffer.from(data));
  }
  async read(name: string) {
    return this.objects.get(name)?.data;
  }
  async download(name: string, path: string) {
    const data = this.objects.get(name)?.data;
    if (data !== undefined) await writeFile(path, data);
    return data !== undefined;
  }
  async list(prefix: string) {
    return [...this.objects.keys()].filter((name) => name.startsWith(prefix)).sort();
  }
  async written(name: string) {
    return this.objects.get(name)?.at;
  }
  async remove(name: string) {
    this.change(name, undefined);
  }
}

const on = async (memory: Memory, workspace?: string) => {
  const own = workspace ?? (await scratch());
  return new ObjectArtifactStore({
    ...{ place: 'gs://bucket/prefix', workspace: own, mirror: join(own, 'mirror') },
    open: async () => memory,
  });
};

artifactContract('a local folder', async () => {
  const workspace = await scratch();
  return { open: () => new LocalArtifactStore(workspace) };
});
artifactContract('objects', async () => {
  const memory = new Memory();
  return { open: () => on(memory) };
});

describe('artefacts on objects', () => {
  it('puts the manifest last: a crash at any change leaves no artefact, and the same command makes it', async () => {
    const whole = new Memory();
    await (await on(whole)).create(identity('run'), payload());
    // Two files, the manifest, what was used last.
    expect([...whole.objects.keys()].map((name) => name.replace(/[0-9a-f]{16}/g, '#'))).toEqual(
      expect.arrayContaining(['run/#/#/data.txt', 'run/#/#/deep/more.bin', 'run/#/manifest.json', 'run/latest.json']),
    );
    for (let allowed = 0; allowed < whole.changes; allowed++) {
      const memory = new Memory();
      memory.allowed = allowed;
      const workspace = await scratch();
      await expect((await on(memory, workspace)).create(identity('run'), payload())).rejects.toThrow('crashed');
      const exists = [...memory.objects.keys()].some((name) => name.endsWith('manifest.json'));
      expect([allowed, exists]).toEqual([allowed, allowed >= 3]);
      expect(await (await on(memory)).list('run')).toHaveLength(exists ? 1 : 0);
      memory.allowed = Number.POSITIVE_INFINITY;
      // On the same machine what was computed is published; on another one it is computed.
      const elsewhere = allowed % 2 === 0 ? workspace : undefined;
      let computed = 0;
      await (await on(memory, elsewhere)).create(identity('run'), (folder) => {
        computed++;
        return payload()(folder);
      });
      expect([allowed, computed]).toEqual([allowed, exists || elsewhere !== undefined ? 0 : 1]);
      expect(new Set(memory.objects.keys())).toEqual(new Set(whole.objects.keys()));
      expect((await (await on(memory)).open('run', 'latest')).manifest.files['data.txt']!.bytes).toBe(5);
    }
  });

  it('notices a byte that changed on the bucket or in the copy, and mends either', async () => {
    const memory = new Memory();
    const workspace = await scratch();
    const store = await on(memory, workspace);
    const { artifact } = await store.create(identity('run'), payload());
    await writeFile(artifact.file('data.txt'), 'hellO');
    expect(await readFile((await store.open('run', artifact.id)).file('data.txt'), 'utf8')).toBe('hello');
    const name = [...memory.objects.keys()].find((one) => one.endsWith('data.txt'))!;
    memory.objects.get(name)!.data = Buffer.from('hallo');
    const other = await on(memory);
    await expect(other.open('run', artifact.id)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT', exitCode: 4 });
    await (await on(memory)).create(identity('run'), payload(), { force: true });
    expect((await (await on(memory)).open('run', artifact.id)).id).toBe(artifact.id);
    const manifest = `run/${artifact.id}/manifest.json`;
    memory.objects.get(manifest)!.data = Buffer.from('{}');
    await expect((await on(memory)).open('run', artifact.id)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    expect((await (await on(memory)).list('run'))[0]!.problem).toMatch(/checksum/);
    await (await on(memory)).create(identity('run'), payload(), { force: true });
    expect((await (await on(memory)).open('run', artifact.id)).id).toBe(artifact.id);
  });

  it('says where artefacts of a bucket are to be looked for', async () => {
    const { artifact } = await (await on(new Memory())).create(identity('run'), payload());
    await expect(new LocalArtifactStore(await scratch()).open('run', artifact.path)).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringMatching(/--artifacts gs:/),
    });
    await expect((await on(new Memory())).open('run', 'gs://other/run/0123456789abcdef')).rejects.toMatchObject({
      code: 'ARTIFACT_NOT_FOUND',
      message: expect.stringMatching(/no artefact in gs:\/\/bucket\/prefix/),
    });
  });
});
