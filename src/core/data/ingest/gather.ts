import type { QuantlineError } from '../../errors/index.js';
import type { BarStore, PutResult, SeriesPut } from '../store.js';
import type { SeriesKeeper } from './keep.js';
import { isPerSymbol, type Planned } from './plan.js';

/** What one symbol got out of a chunk. */
export interface Taken {
  readonly item: Planned;
  readonly keeper: SeriesKeeper;
  readonly put: SeriesPut | undefined;
  /** No further chunk of this symbol. */
  readonly last: boolean;
}

/** A symbol's part after it was put, or why the store refuses it. */
export interface Written extends Taken {
  readonly error?: QuantlineError;
}

/** Bars put at once into a service: a load of some 15 MB. */
const ROWS = 1_000_000;

/** Puts at once what belongs to different series where calls cost; elsewhere each as it comes. */
export class Gatherer {
  private waiting: Taken[] = [];
  private rows = 0;

  constructor(private readonly store: BarStore) {}

  /** Takes one more; gives what was put for it to find room. */
  async add(taken: Taken): Promise<readonly Written[]> {
    const before = this.waiting.some(({ item }) => item === taken.item) ? await this.flush() : [];
    this.waiting.push(taken);
    this.rows += taken.put?.bars.time.length ?? 0;
    return this.store.remote === true && this.rows < ROWS ? before : [...before, ...(await this.flush())];
  }

  async flush(): Promise<readonly Written[]> {
    const { waiting } = this;
    this.waiting = [];
    this.rows = 0;
    const results = await this.putEach(waiting.flatMap(({ put }) => (put === undefined ? [] : [put])));
    let next = 0;
    return waiting.map((taken) => {
      const result = taken.put === undefined ? undefined : results[next++]!;
      if (result instanceof Error) return { ...taken, error: result };
      if (result !== undefined) taken.keeper.note(result);
      return taken;
    });
  }

  /** One by one where one of them cannot be, so that the others go on. */
  private async putEach(puts: readonly SeriesPut[]): Promise<readonly (PutResult | QuantlineError)[]> {
    if (puts.length === 0) return [];
    try {
      return await this.store.putAll(puts);
    } catch (error) {
      if (!isPerSymbol(error)) throw error;
      if (puts.length === 1) return [error];
    }
    const out: (PutResult | QuantlineError)[] = [];
    for (const put of puts) out.push(...(await this.putEach([put])));
    return out;
  }
}
