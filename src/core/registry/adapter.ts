import type { z } from 'zod';
import type { AdapterPort } from '../config/index.js';

export type { AdapterPort } from '../config/index.js';

/** What every adapter file exports; ports narrow `create`. */
export interface AdapterModule {
  readonly name: string;
  readonly summary: string;
  readonly settings: z.ZodObject;
  readonly create: (...args: never[]) => unknown;
}

/** An adapter that can be loaded; its module and its vendor's library are not loaded before. */
export interface AdapterInfo {
  readonly name: string;
  readonly summary: string;
  load(): Promise<AdapterModule>;
}

export interface AdapterQuery {
  readonly port: AdapterPort;
  /** Name of an adapter, or path of a user's module. */
  readonly name: string;
}
