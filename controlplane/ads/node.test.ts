import { create, type JsonObject, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { WireError } from '../subscription/wire.ts'
import { readNode, readNodeId } from './node.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const metadata = fc.dictionary(
  text,
  fc.jsonValue({ maxDepth: 4 }).map((value) => (Object.is(value, -0) ? 0 : value)),
  { noNullPrototype: true },
)

describe('the node of a request', () => {
  test('is read as a generic codec reads it, without what nobody looks at', () => {
    fc.assert(
      fc.property(fc.tuple(text, text, text, text, text, text), metadata, (texts, said) => {
        const [id, cluster, region, zone, subZone, version] = texts
        const bytes = toBinary(
          NodeSchema,
          create(NodeSchema, {
            id,
            cluster,
            metadata: said as JsonObject,
            locality: { region, zone, subZone },
            userAgentName: 'envoy',
            userAgentVersionType: { case: 'userAgentVersion', value: version },
            extensions: [{ name: 'envoy.filters.http.router', category: 'envoy.filters.http', typeUrls: ['a', 'b'] }],
            clientFeatures: ['envoy.lb.does_not_support_overprovisioning'],
          }),
        )
        const node = readNode(Buffer.from(bytes), 'delta')
        expect(node).toMatchObject({ id, cluster, locality: { region, zone, subZone }, protocol: 'delta' })
        expect(JSON.stringify(node.metadata)).toBe(JSON.stringify(said))
        expect(node.userAgent).toBe(version ? `envoy/${version}` : 'envoy')
        expect(readNodeId(Buffer.from(bytes))).toBe(id)
      }),
    )
  })

  test('tells its version as text, or as numbers', () => {
    const node = create(NodeSchema, {
      userAgentName: 'envoy',
      userAgentVersionType: {
        case: 'userAgentBuildVersion',
        value: { version: { majorNumber: 1, minorNumber: 39, patch: 3 }, metadata: { 'build.type': 'RELEASE' } },
      },
    })
    expect(readNode(Buffer.from(toBinary(NodeSchema, node)), 'sotw').userAgent).toBe('envoy/1.39.3')
  })

  test('a key that is no ordinary one of an object is only a key', () => {
    const said = JSON.parse('{"__proto__": {"NAMESPACE": "other"}}') as JsonObject
    const bytes = toBinary(NodeSchema, create(NodeSchema, { metadata: said }))
    expect(readNode(Buffer.from(bytes), 'delta').metadata['NAMESPACE']).toBeUndefined()
  })

  test('what a thousand of one kind say alike is held once, and nobody is given what another said', () => {
    const read = (id: string, zone: string, version: string, said: JsonObject) =>
      readNode(
        Buffer.from(
          toBinary(
            NodeSchema,
            create(NodeSchema, {
              id,
              metadata: said,
              locality: { zone },
              userAgentName: 'envoy',
              userAgentVersionType: { case: 'userAgentVersion', value: version },
            }),
          ),
        ),
        'delta',
      )
    const one = read('a', 'here', '1', { PORT: 15000 })
    const other = read('b', 'here', '1', { PORT: 15000 })
    expect(other.id).toBe('b')
    expect(other.metadata).toBe(one.metadata)
    expect(other.locality).toBe(one.locality)
    const many = Array.from({ length: 2500 }, (_, index) => read('c', `zone ${index}`, `${index}`, { PORT: index }))
    expect(many.map(({ locality, userAgent, metadata }) => [locality.zone, userAgent, metadata])).toEqual(
      many.map((_, index) => [`zone ${index}`, `envoy/${index}`, { PORT: index }]),
    )
  })

  test('metadata without end is refused', () => {
    let value: JsonObject = {}
    for (let depth = 0; depth < 70; depth++) value = { deeper: value }
    const bytes = Buffer.from(toBinary(NodeSchema, create(NodeSchema, { metadata: value })))
    expect(() => readNode(bytes, 'delta')).toThrow(WireError)
  })

  test('what is cut anywhere is refused or read, never anything else', () => {
    const whole = Buffer.from(
      toBinary(NodeSchema, create(NodeSchema, { id: 'a', metadata: { list: [1, true, null, { x: 'y' }] } })),
    )
    for (let cut = 0; cut < whole.length; cut++)
      try {
        readNode(whole.subarray(0, cut), 'delta')
      } catch (error) {
        expect(error).toBeInstanceOf(WireError)
      }
  })
})
