import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { node } from '../../test/helpers/every-kind.ts'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { nodeBytes, StreamPlane } from '../../test/helpers/stream-plane.ts'

const UNSERVED = 'type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap'

function stream() {
  const mesh = new FakeMesh()
  mesh.put(fakeResource('cds', 'a', '1'), fakeResource('lds', 'l', '1')).publish()
  const opened = new StreamPlane(mesh).open('delta', { secretsAllowed: true })
  const self = fromBinary(NodeSchema, nodeBytes(node('sidecar~10.0.0.1~web.shop~shop')))
  const asks = (typeUrl: string, ...names: readonly string[]) =>
    toBinary(
      DeltaDiscoveryRequestSchema,
      create(DeltaDiscoveryRequestSchema, { node: self, typeUrl, resourceNamesSubscribe: [...names] }),
    )
  /** Types and names of what was written since. */
  const written = () =>
    opened.responses.splice(0).map((bytes) => {
      const { typeUrl, resources, removedResources } = fromBinary(DeltaDiscoveryResponseSchema, bytes)
      return [typeUrl, ...resources.map(({ name }) => name), ...removedResources.map((name) => `-${name}`)]
    })
  return { opened, asks, written }
}

test('requests that came together are answered in one write, in the order of their types', () => {
  const { opened, asks, written } = stream()
  opened.send(asks(TYPE_URL.lds, '*'), asks(TYPE_URL.cds, '*'))
  expect(written()).toEqual([
    [TYPE_URL.cds, 'a'],
    [TYPE_URL.lds, 'l'],
  ])
})

test('a type that is not served is answered too, also when it is asked for while something is on its way', () => {
  const { opened, asks, written } = stream()
  opened.send(asks(TYPE_URL.cds, '*'))
  expect(written()).toEqual([[TYPE_URL.cds, 'a']])
  opened.send(asks(UNSERVED, 'x'))
  expect(written()).toEqual([])
  opened.flush()
  expect(written()).toEqual([[UNSERVED, '-x']])
  opened.flush()
  opened.send(asks(UNSERVED, 'y'), asks(TYPE_URL.lds, '*'))
  expect(written()).toEqual([
    [UNSERVED, '-y'],
    [TYPE_URL.lds, 'l'],
  ])
})

test('of answers about types that are not served a client that does not read has few waiting', () => {
  const { opened, asks, written } = stream()
  opened.send(asks(TYPE_URL.cds, '*'))
  for (let index = 0; index < 100; index++) opened.send(asks(UNSERVED, `${index}`))
  opened.flush()
  expect(written()).toHaveLength(1 + 32)
})
