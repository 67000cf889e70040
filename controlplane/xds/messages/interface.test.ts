import { expect, it } from 'vitest'
import { configObjects } from '../../../test/helpers/objects.ts'
import { createMesh } from '../../mesh.ts'

const provider = (name: string, called: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, annotations: {interface: ${called}}}
spec:
  hosts: [${name}.example]
  resolution: STATIC
  ports: [{number: 20880, name: tcp-metaprotocol-dubbo, protocol: TCP}]
  endpoints: [{address: 10.0.0.1}]
---`

it('the interface that tells a service from another on its port is the one its document names now', () => {
  const mesh = createMesh()
  const view = mesh.view({
    id: 'message~10.0.0.9~caller.default~default.svc.cluster.local',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: '',
    protocol: 'delta',
    secretsAllowed: true,
  })
  const table = () => Buffer.from(view.get('mrds', 'dubbo.20880')!.bytes).toString('latin1')
  mesh.commit(configObjects(provider('a', 'shop.A') + provider('b', 'shop.B')))
  expect(table()).toContain('shop.B')
  mesh.commit(configObjects(provider('a', 'shop.A') + provider('b', 'shop.C')))
  expect(table()).toContain('shop.C')
})
