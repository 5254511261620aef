// Cuts the structure that contract tests need (types, fields, enumerations, formats; no prose) out of the vendors'
// interface documents. Usage: node scripts/cut-contracts.mjs <folder with the documents> [name …]
// Writes fixtures/contracts/<name>.json and <name>.meta.json (source, licence, sha256 of document and cut).
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const out = join(root, 'fixtures', 'contracts');

const CONTRACTS = {
  'alpaca-trading': {
    file: 'alpaca-trading-api.json',
    source: 'https://docs.alpaca.markets/openapi/trading-api.json (copy in alpacahq/alpaca-mcp-server, commit 88722ce)',
    licence: 'Facts of an interface (field names, types); text removed. The document itself is © Alpaca.',
    operations: [
      'GET /v2/account',
      'GET /v2/account/activities',
      'GET /v2/account/activities/{activity_type}',
      'GET /v2/account/configurations',
      'PATCH /v2/account/configurations',
      'GET /v2/assets',
      'GET /v2/assets/{symbol_or_asset_id}',
      'GET /v2/calendar',
      'GET /v2/clock',
      'GET /v2/orders',
      'POST /v2/orders',
      'DELETE /v2/orders',
      'GET /v2/orders/{order_id}',
      'PATCH /v2/orders/{order_id}',
      'DELETE /v2/orders/{order_id}',
      'GET /v2/orders:by_client_order_id',
      'GET /v2/positions',
      'GET /v2/positions/{symbol_or_asset_id}',
      'DELETE /v2/positions',
      'DELETE /v2/positions/{symbol_or_asset_id}',
    ],
  },
  'alpaca-market-data': {
    file: 'alpaca-market-data-api.json',
    source:
      'https://docs.alpaca.markets/openapi/market-data-api.json (copy in alpacahq/alpaca-mcp-server, commit 88722ce)',
    licence: 'Facts of an interface (field names, types); text removed. The document itself is © Alpaca.',
    operations: [
      'GET /v2/stocks/bars',
      'GET /v2/stocks/bars/latest',
      'GET /v2/stocks/quotes/latest',
      'GET /v2/stocks/trades/latest',
      'GET /v2/stocks/snapshots',
      'GET /v1beta3/crypto/{loc}/bars',
      'GET /v1beta3/crypto/{loc}/snapshots',
      'GET /v1/corporate-actions',
      'GET /v1beta1/news',
    ],
  },
  'alpaca-streams': {
    file: 'alpaca-streams.asyncapi.yml',
    source: 'api-evangelist/alpaca (AsyncAPI 2.6, third party, parts of it generated: a guide, not a proof)',
    licence: 'Facts of an interface (field names, types); text removed.',
    schemas: [
      'AuthRequest',
      'SubscribeRequest',
      'UnsubscribeRequest',
      'ControlSuccess',
      'ControlError',
      'SubscriptionState',
      'StockTrade',
      'StockQuote',
      'StockBar',
      'StockUpdatedBar',
      'TradingListenRequest',
      'TradingAuthorizationResponse',
      'TradingListeningResponse',
      'TradingErrorResponse',
      'TradeUpdate',
    ],
  },
  bigquery: {
    file: 'bigquery-v2.json',
    source: 'https://bigquery.googleapis.com/$discovery/rest?version=v2',
    licence: 'Facts of an interface (field names, types); text removed. The document itself is Google’s, CC BY 4.0.',
    discovery: [
      'datasets.get',
      'datasets.insert',
      'tables.get',
      'tables.list',
      'tabledata.list',
      'tables.insert',
      'tables.patch',
      'tables.delete',
      'jobs.get',
      'jobs.insert',
      'jobs.list',
      'jobs.getQueryResults',
    ],
  },
};

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** OpenAPI 3.0 schema → JSON Schema draft 7 without prose; collects the names it refers to. */
function cutSchema(schema, used) {
  if (Array.isArray(schema)) return schema.map((one) => cutSchema(one, used));
  if (schema === null || typeof schema !== 'object') return schema;
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').at(-1);
    used.add(name);
    return { $ref: `#/schemas/${name}` };
  }
  const cut = {};
  for (const key of ['type', 'format', 'enum', 'required', 'maxLength', 'minLength', 'minimum', 'maximum', 'maxItems'])
    if (schema[key] !== undefined) cut[key] = schema[key];
  for (const key of ['items', 'allOf', 'anyOf', 'oneOf'])
    if (schema[key] !== undefined) cut[key] = cutSchema(schema[key], used);
  if (schema.additionalProperties !== undefined)
    cut.additionalProperties = cutSchema(schema.additionalProperties, used);
  if (schema.properties !== undefined)
    cut.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, value]) => [name, cutSchema(value, used)]),
    );
  if (schema.nullable === true) {
    if (cut.enum !== undefined && !cut.enum.includes(null)) cut.enum = [...cut.enum, null];
    if (typeof cut.type === 'string') cut.type = [cut.type, 'null'];
  }
  return cut;
}

const resolve = (document, value) =>
  value?.$ref === undefined
    ? value
    : value.$ref
        .slice(2)
        .split('/')
        .reduce((at, key) => at[key.replaceAll('~1', '/')], document);

function cutOperation(document, text, used) {
  const [method, path] = text.split(' ');
  const item = document.paths[path];
  const operation = item?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`no operation ${text}`);
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((p) => resolve(document, p));
  const query = {};
  for (const p of parameters.filter((one) => one.in === 'query'))
    query[p.name] = { required: p.required === true, schema: cutSchema(p.schema, used) };
  const body = resolve(document, operation.requestBody)?.content?.['application/json']?.schema;
  const responses = {};
  for (const [status, reply] of Object.entries(operation.responses)) {
    const schema = resolve(document, reply)?.content?.['application/json']?.schema;
    responses[status] = schema === undefined ? {} : cutSchema(schema, used);
  }
  return { query, ...(body === undefined ? {} : { body: cutSchema(body, used) }), responses };
}

/** Discovery schema → JSON Schema: names for references, `any` for everything, no required fields. */
function cutDiscovery(schema, used) {
  if (typeof schema.$ref === 'string') {
    used.add(schema.$ref);
    return { $ref: `#/schemas/${schema.$ref}` };
  }
  const cut = {};
  if (schema.type !== undefined && schema.type !== 'any') cut.type = schema.type;
  if (schema.enum !== undefined) cut.enum = schema.enum;
  if (schema.items !== undefined) cut.items = cutDiscovery(schema.items, used);
  if (schema.additionalProperties !== undefined)
    cut.additionalProperties = cutDiscovery(schema.additionalProperties, used);
  if (schema.properties !== undefined)
    cut.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, value]) => [name, cutDiscovery(value, used)]),
    );
  return cut;
}

/** Operations by `METHOD path`, with `{}` for each name in the path. */
function cutMethods(document, names, used) {
  const operations = {};
  for (const name of names) {
    const [resource, method] = name.split('.');
    const { httpMethod, flatPath, parameters = {}, request, response } = document.resources[resource].methods[method];
    const query = Object.fromEntries(
      Object.entries({ ...document.parameters, ...parameters })
        .filter(([, one]) => one.location === 'query')
        .map(([key, one]) => [key, { required: one.required === true, schema: cutDiscovery(one, used) }]),
    );
    operations[`${httpMethod} /${flatPath.replaceAll(/\{\w+\}/g, '{}')}`] = {
      query,
      ...(request === undefined ? {} : { body: cutDiscovery(request, used) }),
      responses: { 200: response === undefined ? {} : cutDiscovery(response, used), 204: {} },
    };
  }
  return operations;
}

const [folder, ...only] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write('Usage: node scripts/cut-contracts.mjs <folder with the documents> [name …]\n');
  process.exit(2);
}
mkdirSync(out, { recursive: true });
for (const [name, contract] of Object.entries(CONTRACTS)) {
  if (only.length > 0 && !only.includes(name)) continue;
  const bytes = readFileSync(join(folder, contract.file));
  const document = contract.file.endsWith('.yml') ? parse(bytes.toString('utf8')) : JSON.parse(bytes.toString('utf8'));
  const used = new Set(contract.schemas ?? []);
  const operations = cutMethods(document, contract.discovery ?? [], used);
  for (const text of contract.operations ?? []) operations[text] = cutOperation(document, text, used);
  const schemas = {};
  for (let before = -1; before !== Object.keys(schemas).length; ) {
    before = Object.keys(schemas).length;
    for (const one of [...used])
      schemas[one] ??=
        contract.discovery === undefined
          ? cutSchema(document.components.schemas[one], used)
          : cutDiscovery(document.schemas[one], used);
  }
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = `${JSON.stringify({ operations, schemas: sorted }, null, 1)}\n`;
  writeFileSync(join(out, `${name}.json`), text);
  const meta = {
    source: contract.source,
    document: contract.file,
    version: String(document.info?.version ?? document.revision),
    documentSha256: sha256(bytes),
    sha256: sha256(text),
    licence: contract.licence,
    cutBy: 'scripts/cut-contracts.mjs',
  };
  writeFileSync(join(out, `${name}.meta.json`), `${JSON.stringify(meta, null, 2)}\n`);
  process.stderr.write(
    `${name}: ${Object.keys(operations).length} operations, ${Object.keys(sorted).length} schemas\n`,
  );
}
