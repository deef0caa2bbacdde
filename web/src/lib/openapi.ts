/** As much of OpenAPI 3.1 as Facet's description uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  default?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  anyOf?: Schema[];
  allOf?: Schema[];
  contentMediaType?: string;
}

export interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Content {
  content?: Record<string, { schema?: Schema }>;
}

export interface Answer extends Content {
  $ref?: string;
  description?: string;
}

export interface Operation {
  tags?: string[];
  operationId?: string;
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: Content & { required?: boolean };
  responses?: Record<string, Answer>;
}

export interface OpenApi {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Record<string, Operation> & { parameters?: Parameter[] }>;
  components?: {
    schemas?: Record<string, Schema>;
    parameters?: Record<string, Parameter>;
    responses?: Record<string, Answer>;
  };
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export const refName = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1);

/** What a local reference points at. */
export function resolve<T extends { $ref?: string }>(api: OpenApi, given: T): T {
  if (!given.$ref) return given;
  let at: unknown = api;
  for (const part of given.$ref.replace('#/', '').split('/')) {
    at = (at as Record<string, unknown> | undefined)?.[part];
  }
  return (at as T | undefined) ?? given;
}

export interface Route {
  method: string;
  path: string;
  operation: Operation;
  parameters: Parameter[];
}

/** All operations under their first tag, in the order of the description. */
export function routesByTag(api: OpenApi): Map<string, Route[]> {
  const byTag = new Map<string, Route[]>((api.tags ?? []).map(({ name }) => [name, []]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((one) =>
        resolve(api, one),
      );
      const tag = operation.tags?.[0] ?? '';
      byTag.set(tag, [...(byTag.get(tag) ?? []), { method, path, operation, parameters }]);
    }
  }
  return byTag;
}

/** A type in a few words; named ones by their names. */
export function typeOf(schema: Schema | undefined): string {
  if (!schema) return '';
  if (schema.$ref) return refName(schema.$ref);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.allOf && !schema.properties) return schema.allOf.map(typeOf).join(' & ');
  if (schema.contentMediaType) return 'file';
  if (schema.items) return `${typeOf(schema.items)}[]`;
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
  const limits = limitsOf(schema);
  return limits ? `${type}, ${limits}` : type;
}

function limitsOf(schema: Schema): string {
  const between = (unit: string, least?: number, most?: number) => {
    if (least === undefined && most === undefined) return '';
    if (least === undefined) return `≤ ${most}${unit}`;
    return most === undefined ? `≥ ${least}${unit}` : `${least} – ${most}${unit}`;
  };
  return [
    between('', schema.minimum, schema.maximum),
    between(' characters', schema.minLength, schema.maxLength),
  ]
    .filter(Boolean)
    .join(', ');
}

export interface Field {
  name: string;
  type: string;
  required: boolean;
  schema: Schema;
}

/** The members of an object, those of the schemas it is made of included. */
export function fieldsOf(api: OpenApi, given: Schema): Field[] {
  const schema = resolve(api, given);
  const inherited = (schema.allOf ?? []).flatMap((one) => fieldsOf(api, one));
  const required = new Set(schema.required);
  const own = Object.entries(schema.properties ?? {}).map(([name, one]) => ({
    name,
    type: typeOf(one),
    required: required.has(name),
    schema: one,
  }));
  return [...inherited.map((one) => ({ ...one, required: one.required || required.has(one.name) })), ...own];
}

/** The object that is described in place: of a list, that of its items. */
export function inner(schema: Schema): Schema | null {
  if (schema.properties) return schema;
  if (schema.items && !schema.items.$ref) return inner(schema.items);
  return null;
}
