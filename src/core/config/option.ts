import { z } from 'zod';
import { isQuantlineError } from '../errors/index.js';

/** Ports whose adapters are chosen by an option. */
export type AdapterPort = 'source' | 'store' | 'trainer' | 'broker' | 'news' | 'scorer' | 'target' | 'policy' | 'fill';

/** What the shell needs to know of an option besides its schema. */
export interface OptionMeta {
  readonly summary: string;
  /** Shown in help as the value: `--split <70%>`. A switch has none. */
  readonly value?: string;
  /** A single letter. */
  readonly char?: string;
  /** Takes no value on the command line. */
  readonly switch?: true;
  /** May be given several times; each may hold a comma list. */
  readonly multiple?: true;
  /** Guards against accidents have neither environment variable nor file key. */
  readonly guard?: true;
  /** Redacted wherever a configuration is printed or stored. */
  readonly secret?: true;
  /** Names an adapter of this port. */
  readonly adapter?: AdapterPort;
  /** The closed set of values, for help and completion. */
  readonly choices?: readonly string[];
}

const registry = z.registry<OptionMeta>();

/** Attaches the shell's description to a schema; the schema keeps its type. */
export function option<S extends z.ZodType>(meta: OptionMeta, schema: S): S {
  registry.add(schema, meta);
  return schema;
}

/** The description of an option's schema, undefined for a schema that is no option. */
export const optionMeta = (schema: z.ZodType): OptionMeta | undefined => registry.get(schema);

type Raw = string | number | boolean;

/** A schema that reads text (or a scalar of a YAML file) by `parse`, whose errors become the schema's. */
export function text<T>(parse: (raw: string) => T): z.ZodPipe<z.ZodType<Raw, Raw>, z.ZodTransform<Awaited<T>, Raw>> {
  const scalar: z.ZodType<Raw, Raw> = z.union([z.string(), z.number(), z.boolean()]);
  return scalar.transform((raw, context) => guarded(() => parse(String(raw)), context)) as never;
}

/** A schema that reads a comma list, a repeated flag, or a YAML list; `parse` sees each given text. */
export function texts<T>(
  parse: (raw: string) => readonly T[],
): z.ZodPipe<z.ZodType<Raw | Raw[], Raw | Raw[]>, z.ZodTransform<readonly T[], Raw | Raw[]>> {
  const scalar = z.union([z.string(), z.number(), z.boolean()]);
  const many: z.ZodType<Raw | Raw[], Raw | Raw[]> = z.union([scalar, z.array(scalar)]);
  return many.transform((raw, context) =>
    guarded(() => (Array.isArray(raw) ? raw : [raw]).flatMap((item) => parse(String(item))), context),
  ) as never;
}

function guarded<T>(parse: () => T, context: z.RefinementCtx): T {
  try {
    return parse();
  } catch (error) {
    if (!isQuantlineError(error)) throw error;
    context.addIssue({ code: 'custom', message: error.message, params: { ...error.details, hint: error.hint } });
    return z.NEVER;
  }
}
