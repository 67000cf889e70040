import { expect, test } from 'vitest'
import { serviceAt } from '../../test/helpers/mesh-yaml.ts'
import { configObjects } from '../../test/helpers/objects.ts'
import { createModel } from '../model/index.ts'
import { ClassView } from './class-view.ts'
import { classify, relevance } from './classify.ts'

const ENVOY = {
  id: 'sidecar~10.0.0.1~web.default~default.svc.cluster.local',
  cluster: 'web',
  metadata: {} as Record<string, unknown>,
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy/1.39.3',
  protocol: 'delta' as 'delta' | 'sotw',
  secretsAllowed: true,
}

const model = createModel()
const relevant = relevance(model)
model.world.commit(
  configObjects(
    serviceAt('a.test', [{ port: 1 }]) +
      serviceAt('b.test', [{ port: 1 }], '{number: 9000, name: tcp, protocol: TCP}') +
      serviceAt('c.test', [{ port: 1 }], '{number: 9001, name: game, protocol: TCP}'),
  ),
)

test.each<[string, Partial<typeof ENVOY>, boolean]>([
  ['an Envoy that speaks delta', {}, true],
  ['a gateway', { id: 'router~10.0.0.1~edge.default~default.svc.cluster.local' }, true],
  ['the first Envoy that can', { userAgent: 'envoy/1.36.0' }, true],
  ['an Envoy to come', { userAgent: 'envoy/2.0.0' }, true],
  ['an older Envoy', { userAgent: 'envoy/1.35.9' }, false],
  ['an Envoy that does not say its version', { userAgent: 'envoy' }, false],
  ['state of the world', { protocol: 'sotw' }, false],
  ['one whose node says no', { metadata: { LAZY: false } }, false],
  ['one whose node says it in words', { metadata: { LAZY: 'False' } }, false],
  ['a gRPC client, whatever it speaks', { userAgent: 'gRPC C-core' }, false],
  ['a message proxy', { id: 'message~10.0.0.1~edge.default~default.svc.cluster.local' }, false],
])('who gets clusters on demand: %s: %#', (_, said, expected) => {
  const proxy = classify({ ...ENVOY, ...said }, relevant())
  expect(proxy.lazy === true).toBe(expected)
  const view = new ClassView(model, proxy, {
    onFailure: (_type, name, error) => {
      throw new Error(name, { cause: error })
    },
  })
  expect(view.onDemand !== undefined).toBe(expected)
  const listeners = view.names('lds').map((name) => Buffer.from(view.get('lds', name)!.bytes).toString('latin1'))
  const asking = listeners.filter((bytes) => bytes.includes('on_demand') || bytes.includes('OnDemand'))
  expect(asking.length > 0).toBe(expected && proxy.type === 'sidecar')
})
