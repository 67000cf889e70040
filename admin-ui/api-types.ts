import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Types of the HTTP API for openapi-fetch, made from the committed OpenAPI document. `npm run ui:types` writes them; a test fails
 * when they are stale. Covers what our document uses: https://spec.openapis.org/oas/v3.1.1
 */

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly description?: string
}

interface Media {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path' | 'header' | 'cookie'
  readonly required?: boolean
  readonly schema: Schema
}

interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: Media & { readonly required?: boolean }
  readonly responses: Readonly<Record<string, Media>>
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const

/** The text of `src/api/schema.ts`. */
export function apiTypes({ paths, components }: OpenApi): string {
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `${comment(schema)}export type ${name} = ${typeOf(schema)}\n`,
  )
  const routes = Object.entries(paths).map(
    ([path, operations]) =>
      `  ${JSON.stringify(path)}: { ${METHODS.map((one) => method(one, operations[one])).join('; ')} }`,
  )
  return formatted(
    [
      '/** Made from docs/openapi.json by `npm run ui:types`: do not edit. */',
      ...schemas,
      `export interface paths {\n${routes.join('\n')}\n}`,
    ].join('\n\n'),
  )
}

function formatted(text: string): string {
  const biome = fileURLToPath(new URL('../node_modules/@biomejs/biome/bin/biome', import.meta.url))
  const args = [biome, 'format', '--stdin-file-path', 'schema.ts']
  return execFileSync(process.execPath, args, { input: text, encoding: 'utf8', cwd: ROOT })
}

function method(name: string, operation: Operation | undefined): string {
  if (!operation) return `${name}?: never`
  const { parameters = [], requestBody, responses } = operation
  const places = (['query', 'header', 'path', 'cookie'] as const).map((place) => {
    const own = parameters.filter((one) => one.in === place)
    if (own.length === 0) return `${place}?: never`
    const fields = own.map((one) => `${JSON.stringify(one.name)}${one.required ? '' : '?'}: ${typeOf(one.schema)}`)
    return `${place}${own.some(({ required }) => required) ? '' : '?'}: { ${fields.join('; ')} }`
  })
  const body = requestBody ? `requestBody: { content: ${content(requestBody)} }` : 'requestBody?: never'
  const { default: rest } = responses
  const answers = Object.entries(responses).flatMap(([status, answer]) =>
    // Of the same form as all that is not told.
    answer !== rest && rest?.content && content(answer) === content(rest)
      ? []
      : `${status}: { headers: { [name: string]: unknown }; content: ${answer.content ? content(answer) : '{ [type: string]: never }'} }`,
  )
  return `${name}: { parameters: { ${places.join('; ')} }; ${body}; responses: { ${answers.join('; ')} } }`
}

function content({ content: types = {} }: Media): string {
  const fields = Object.entries(types).map(([type, { schema }]) => `${JSON.stringify(type)}: ${typeOf(schema)}`)
  return `{ ${fields.join('; ')} }`
}

function typeOf(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split('/').at(-1)!
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' | ')
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map(typeOf).join(' | ')
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type
    case 'integer':
    case 'number':
      return 'number'
    case 'array':
      // Not readonly: openapi-fetch takes readonly arrays for objects.
      return `(${typeOf(schema.items ?? {})})[]`
    case 'object':
      return objectType(schema)
    default:
      return 'unknown'
  }
}

function objectType({ properties = {}, required = [], additionalProperties }: Schema): string {
  const fields = Object.entries(properties).map(
    ([name, schema]) =>
      `${comment(schema)}readonly ${JSON.stringify(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  )
  if (typeof additionalProperties === 'object')
    fields.push(`readonly [name: string]: ${fields.length > 0 ? 'unknown' : typeOf(additionalProperties)}`)
  else if (additionalProperties === true) fields.push('readonly [name: string]: unknown')
  return fields.length === 0 ? 'Record<string, never>' : `{\n${fields.join('\n')}\n}`
}

function comment({ description }: Schema): string {
  return description ? `/** ${description.replaceAll('*/', '* /')} */\n` : ''
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const SCHEMA_FILE = fileURLToPath(new URL('src/api/schema.ts', import.meta.url))
export const OPENAPI_FILE = fileURLToPath(new URL('../docs/openapi.json', import.meta.url))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(SCHEMA_FILE, apiTypes(JSON.parse(readFileSync(OPENAPI_FILE, 'utf8')) as OpenApi))
  console.log('admin-ui/src/api/schema.ts written')
}
