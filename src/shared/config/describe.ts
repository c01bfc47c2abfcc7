import * as z from 'zod';
import { configSchema } from './schema';

/** One key of the config, as hovers, completions and the docs speak of it. */
export interface KeyDescription {
  /** `['method', 'rho']` */
  readonly path: readonly string[];
  /** `method.rho` */
  readonly name: string;
  readonly description: string;
  /** A map of further keys. */
  readonly isSection: boolean;
  readonly isList: boolean;
  /** Such as `integer, 1 to 1024` or `` `B` or `A` ``. */
  readonly type: string;
  /** Every value allowed, where they can be counted. */
  readonly values: readonly (string | boolean)[];
  readonly required: boolean;
  /** Absent where there is none, and for sections. */
  readonly defaultValue?: unknown;
  readonly examples: readonly unknown[];
  /** Values that only the editor can list: the model's module names. */
  readonly suggest?: 'modules';
}

/** The part of JSON Schema draft-07 that zod emits for our schema. */
export interface JsonSchema {
  title?: string;
  description?: string;
  markdownDescription?: string;
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema | JsonSchema[];
  anyOf?: JsonSchema[];
  enum?: (string | boolean)[];
  const?: string | boolean;
  default?: unknown;
  examples?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  suggest?: string;
  [other: string]: unknown;
}

let keys: readonly KeyDescription[] | undefined;

/** Every key, sections before what they hold, in the order of the schema. */
export function describeKeys(): readonly KeyDescription[] {
  keys ??= walk(rawSchema(), []);
  return keys;
}

/** The key with this path; indices of list items are left out of account. */
export function describeKey(path: readonly (string | number)[]): KeyDescription | undefined {
  const name = path.filter((part) => typeof part === 'string').join('.');
  return describeKeys().find((key) => key.name === name);
}

/** The keys directly inside a section; `[]` is the whole config. */
export function keysOf(section: readonly (string | number)[]): readonly KeyDescription[] {
  const prefix = section.join('.');
  return describeKeys().filter((key) => key.path.slice(0, -1).join('.') === prefix);
}

/** JSON Schema (draft-07) of a config as a person writes it; for editors. */
export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema: schema }) => {
      delete schema['suggest'];
      if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
      if (schema.description) schema['markdownDescription'] = schema.description;
    },
  }) as JsonSchema;
}

function rawSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) as JsonSchema;
}

function walk(section: JsonSchema, parent: readonly string[]): KeyDescription[] {
  const required = new Set(section.required);
  return Object.entries(section.properties ?? {}).flatMap(([name, schema]) => {
    const path = [...parent, name];
    const isSection = schema.properties !== undefined;
    const key: KeyDescription = {
      path,
      name: path.join('.'),
      description: schema.description ?? '',
      isSection,
      isList: [schema, ...(schema.anyOf ?? [])].some(({ type }) => type === 'array'),
      type: typeText(schema),
      values: valuesOf(schema),
      required: required.has(name),
      examples: schema.examples ?? [],
      ...(!isSection && schema.default !== undefined && { defaultValue: schema.default }),
      ...(schema.suggest === 'modules' && { suggest: schema.suggest }),
    };
    return [key, ...(isSection ? walk(schema, path) : [])];
  });
}

function valuesOf(schema: JsonSchema): (string | boolean)[] {
  if (schema.enum) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  if (schema.type === 'boolean') return [true, false];
  return (schema.anyOf ?? []).flatMap(valuesOf);
}

function typeText(schema: JsonSchema): string {
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (values) return either(values.map((value) => `\`${value}\``));
  if (schema.anyOf) return either(schema.anyOf.map(typeText));
  if (schema.properties) return 'section';
  if (Array.isArray(schema.items)) return `list of ${schema.items.length} numbers`;
  if (schema.type === 'array') return 'list of text';
  if (schema.type === 'string') return 'text';
  if (schema.type === 'integer' || schema.type === 'number')
    return [schema.type, rangeText(schema)].filter(Boolean).join(', ');
  return schema.type ?? 'any value';
}

function rangeText(schema: JsonSchema): string {
  const { minimum, exclusiveMinimum, exclusiveMaximum } = schema;
  const maximum = schema.maximum === Number.MAX_SAFE_INTEGER ? undefined : schema.maximum;
  const low = minimum !== undefined && minimum !== -Number.MAX_SAFE_INTEGER;
  if (low && maximum !== undefined) return `${minimum} to ${maximum}`;
  const above = exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : '';
  const least = low ? `at least ${minimum}` : above;
  const most = maximum !== undefined ? `at most ${maximum}` : '';
  const below = exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : most;
  return [least, below].filter(Boolean).join(', ');
}

function either(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
