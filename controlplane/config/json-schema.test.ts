import { describe, expect, it } from 'vitest'
import { type JsonSchema, jsonSchemaOf } from './json-schema.ts'
import { KINDS, kindsNamed } from './kinds.ts'

type Node = { readonly [key: string]: Node | undefined }

const schemaOf = (kind: string) => jsonSchemaOf(kindsNamed(kind)[0]!) as unknown as Node

describe('JSON Schema of a kind', () => {
  it('exists for every kind and is plain JSON', () => {
    for (const definition of KINDS) {
      const schema = jsonSchemaOf(definition)
      expect(JSON.parse(JSON.stringify(schema)), definition.kind).toEqual(schema)
      expect(fieldsWithoutDoc(schema, definition.kind)).toEqual([])
    }
  })

  it('says what a field is for, what holds without it and what may not stand beside it', () => {
    const http = schemaOf('VirtualService')['properties']?.['spec']?.['properties']?.['http']?.['items']
    const timeout = http?.['properties']?.['timeout']
    expect(timeout).toEqual({
      type: 'string',
      format: 'duration',
      description: 'Longest time for the whole request.',
      'x-default': 'no limit',
    })
    const abort = http?.['properties']?.['fault']?.['properties']?.['abort']
    expect(abort?.['x-oneofs']).toEqual([['httpStatus', 'grpcStatus', 'http2Error']])
    expect(abort?.['properties']?.['http2Error']?.['x-unsupported']).toMatch(/cannot reset a stream/)
  })

  it('has the bounds of numbers and the words of enums', () => {
    const policy = schemaOf('DestinationRule')['properties']?.['spec']?.['properties']?.['trafficPolicy']
    const http = policy?.['properties']?.['connectionPool']?.['properties']?.['http']?.['properties']
    expect(http?.['http2MaxRequests']).toMatchObject({ type: 'integer', format: 'int32', maximum: 2_147_483_647 })
    expect(http?.['h2UpgradePolicy']?.['enum']).toEqual(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE'])
  })

  it('asks for no metadata where a document needs no name, and knows fields beside metadata', () => {
    expect(schemaOf('MsgRouter')['required']).toEqual(['kind'])
    expect(Object.keys(schemaOf('Secret')['properties'] ?? {})).toContain('stringData')
    expect(schemaOf('Secret')['properties']?.['spec']).toBeUndefined()
  })
})

/** Fields of objects that do not say what they are for. */
function fieldsWithoutDoc(
  schema: JsonSchema,
  path: string,
  defs = (schema['$defs'] ?? {}) as Readonly<Record<string, JsonSchema>>,
): readonly string[] {
  const named = (one: JsonSchema) =>
    defs[
      String(one['$ref'] ?? '')
        .split('/')
        .at(-1)!
    ]

  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>)
  const inner = [schema['items'], schema['additionalProperties']].filter((one) => typeof one === 'object')
  const parts = path.includes('.') ? [] : Object.entries(defs)
  return [
    ...parts.flatMap(([name, one]) => fieldsWithoutDoc(one, `$defs.${name}`, defs)),
    ...fields.flatMap(([name, field]) => [
      ...((field['description'] ?? named(field)?.['description']) === undefined && name !== 'spec'
        ? [`${path}.${name}`]
        : []),
      ...fieldsWithoutDoc(field, `${path}.${name}`, defs),
    ]),
    ...inner.flatMap((one) => fieldsWithoutDoc(one as JsonSchema, `${path}[].`, defs)),
  ]
}
