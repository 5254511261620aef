import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';

interface Operation {
  readonly query: Record<string, { readonly required: boolean; readonly schema: JsonSchema }>;
  readonly body?: JsonSchema;
  readonly responses: Record<string, JsonSchema>;
}
type JsonSchema = { [key: string]: unknown };

/**
 * Validates requests and replies against a document in fixtures/contracts. Objects are closed: a field that the
 * document does not list is a violation, in both directions.
 */
export class Contract {
  private readonly ajv = new Ajv({ strict: false, allErrors: true });
  private readonly operations: Record<string, Operation>;
  private readonly compiled = new Map<string, ValidateFunction>();

  private static readonly loaded = new Map<string, Contract>();

  /** One per document and process: compiling is the slow part. */
  static load(name: string): Contract {
    let contract = Contract.loaded.get(name);
    if (contract === undefined) Contract.loaded.set(name, (contract = new Contract(name)));
    return contract;
  }

  private constructor(name: string) {
    const text = readFileSync(new URL(`../../fixtures/contracts/${name}.json`, import.meta.url), 'utf8');
    const document = JSON.parse(text) as { operations: Record<string, Operation>; schemas: Record<string, JsonSchema> };
    this.operations = document.operations;
    const decimal = /^-?\d+(\.\d+)?$/;
    const formats: Record<string, RegExp | true> = {
      uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      date: /^\d{4}-\d\d-\d\d$/,
      'date-time': /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?$/,
      decimal,
      uri: /^[a-z][a-z0-9+.-]*:/i,
    };
    for (const [format, pattern] of Object.entries(formats)) this.ajv.addFormat(format, pattern);
    for (const format of ['double', 'float', 'int32', 'int64', 'uint32', 'uint64']) this.ajv.addFormat(format, true);
    for (const [schema, value] of Object.entries(document.schemas))
      this.ajv.addSchema(relink(close(value)) as object, `schema:${schema}`);
  }

  /** Violations of a request; `query` as it came, so numbers are text. */
  request(operation: string, query: URLSearchParams, body: unknown): string[] {
    const spec = this.operations[operation];
    if (spec === undefined) return [`${operation} is not in the document`];
    const problems: string[] = [];
    for (const [name, { required }] of Object.entries(spec.query))
      if (required && !query.has(name)) problems.push(`${operation}: parameter ${name} is missing`);
    for (const [name, text] of query) {
      const parameter = spec.query[name];
      if (parameter === undefined) problems.push(`${operation}: parameter ${name} is not in the document`);
      else problems.push(...this.check(`${operation}?${name}`, parameter.schema, typed(text, parameter.schema)));
    }
    if (spec.body !== undefined) problems.push(...this.check(`${operation} body`, spec.body, body));
    else if (body !== undefined) problems.push(`${operation}: a body was sent`);
    return problems;
  }

  reply(operation: string, status: number, body: unknown): string[] {
    const schema = this.operations[operation]?.responses[String(status)];
    // Errors have one envelope, which the document describes in words only.
    if (status >= 400)
      return typeof (body as { message?: unknown } | undefined)?.message === 'string'
        ? []
        : [`${operation} ${status}: no message`];
    if (schema === undefined) return [`${operation}: status ${status} is not in the document`];
    return Object.keys(schema).length === 0 ? [] : this.check(`${operation} ${status}`, schema, body);
  }

  /** Violations of a message of a stream. */
  message(schema: string, value: unknown): string[] {
    return this.check(schema, { $ref: `#/schemas/${schema}` }, value);
  }

  private check(what: string, schema: JsonSchema, value: unknown): string[] {
    const key = JSON.stringify(schema);
    let validate = this.compiled.get(key);
    if (validate === undefined) {
      validate = this.ajv.compile(relink(close(schema)) as object);
      this.compiled.set(key, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      (e) => `${what}${e.instancePath} ${e.message ?? ''} ${JSON.stringify(e.params)}`,
    );
  }
}

function typed(text: string, schema: JsonSchema): unknown {
  if (schema['type'] === 'integer' || schema['type'] === 'number') return /^-?\d/.test(text) ? Number(text) : text;
  if (schema['type'] === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (schema['type'] === 'array') return text.split(',');
  return text;
}

/** Forbids fields beyond the listed ones, except inside combinations, whose parts would exclude each other. */
function close(schema: unknown, inside = false): unknown {
  if (Array.isArray(schema)) return schema.map((one) => close(one, inside));
  if (schema === null || typeof schema !== 'object') return schema;
  const out: JsonSchema = {};
  for (const [key, value] of Object.entries(schema as JsonSchema)) {
    if (key === 'properties')
      out[key] = Object.fromEntries(Object.entries(value as JsonSchema).map(([k, v]) => [k, close(v)]));
    else if (key === 'allOf' || key === 'anyOf' || key === 'oneOf') out[key] = close(value, true);
    else if (key === 'items' || key === 'additionalProperties') out[key] = close(value);
    else out[key] = value;
  }
  if (
    !inside &&
    out['properties'] !== undefined &&
    out['additionalProperties'] === undefined &&
    out['allOf'] === undefined
  )
    out['additionalProperties'] = false;
  return out;
}

function relink(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema).replaceAll('#/schemas/', 'schema:')) as unknown;
}
