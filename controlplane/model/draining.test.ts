import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'

/** Endpoints that leave a service of a file. */

const mesh = (drainTime: string, ports: readonly number[]) => `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {drainTime: ${drainTime}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec:
  hosts: [web.example]
  ports: [{number: 80, name: http}]
  resolution: STATIC
  endpoints: [${ports.map((port) => `{address: 10.0.0.1, ports: {http: ${port}}}`).join(', ')}]
`

function bed() {
  const compiled = createMesh()
  let told = 0
  compiled.onChange(() => told++)
  const served = () => {
    const service = compiled.model.registry.byHostname().get('web.example')![0]!
    return compiled.model.endpoints
      .serve(service, service.ports[0]!)
      .map(({ port, health = 'healthy' }) => `${port} ${health}`)
  }
  return { compiled, served, told: () => told, commit: (yaml: string) => compiled.commit(configObjects(yaml)) }
}

it('one that leaves drains, behind what was added in the same change, and goes when its time is over', async () => {
  const { commit, served, told } = bed()
  commit(mesh('100ms', [1, 2]))
  expect(served()).toEqual(['1 healthy', '2 healthy'])
  commit(mesh('100ms', [2, 3]))
  expect(served()).toEqual(['2 healthy', '3 healthy', '1 draining'])
  const before = told()
  while (served().length > 2) await sleep(10)
  expect(served()).toEqual(['2 healthy', '3 healthy'])
  expect(told()).toBe(before + 1)
})

it('one that comes back serves again at once, and drains anew when it leaves again', () => {
  const { commit, served } = bed()
  commit(mesh('1h', [1, 2]))
  served()
  commit(mesh('1h', [2]))
  expect(served()).toEqual(['2 healthy', '1 draining'])
  commit(mesh('1h', [1, 2]))
  expect(served()).toEqual(['1 healthy', '2 healthy'])
  commit(mesh('1h', [1]))
  expect(served()).toEqual(['1 healthy', '2 draining'])
})

it('a target port that changes while it is served is served, and what stood there drains', () => {
  const { commit, served } = bed()
  const at = (targetPort: number) =>
    mesh('1h', [])
      .replace('name: http}]', `name: http, targetPort: ${targetPort}}]`)
      .replace('[]', '[{address: 10.0.0.1}]')
  commit(at(8001))
  expect(served()).toEqual(['8001 healthy'])
  commit(at(8002))
  expect(served()).toEqual(['8002 healthy', '8001 draining'])
  commit(at(8001))
  expect(served()).toEqual(['8001 healthy', '8002 draining'])
})

it('the resolution a first document says holds for endpoints of its other documents, at ports of their own', () => {
  const { commit, served } = bed()
  const second = mesh('0s', [])
    .slice(mesh('0s', []).indexOf('---'))
    .replace('{name: web}', '{name: web-2}')
    .replace(/ {2}endpoints.*\n/, '')
  const both = (resolution: string, targetPort: number) =>
    mesh('0s', [])
      .replace('name: http}]', `name: http, targetPort: ${targetPort}}]`)
      .replace('resolution: STATIC', `resolution: ${resolution}`)
      .replace('[]', '[{address: 10.0.0.1}]') + second
  commit(both('STATIC', 8001))
  expect(served()).toEqual(['8001 healthy'])
  commit(both('DNS', 8002))
  expect(served()).toEqual(['8002 healthy', '80 healthy'])
})

it('a drain time of 0 removes at once; what nobody is served is not followed', () => {
  const { commit, served } = bed()
  commit(mesh('0s', [1, 2]))
  served()
  commit(mesh('0s', [2]))
  expect(served()).toEqual(['2 healthy'])
  const other = bed()
  other.commit(mesh('1h', [1, 2]))
  other.commit(mesh('1h', [2]))
  expect(other.served()).toEqual(['2 healthy'])
})
