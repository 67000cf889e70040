import { expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'

/** Names that the servers of a service may have in their certificates. */

const mesh = (spec: string, more = '') => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec:
  hosts: [web.example]
  ports: [{number: 80, name: http}]
  resolution: STATIC
  ${spec}
${more}`

function bed() {
  const { model, commit } = createMesh()
  return {
    commit: (yaml: string) => commit(configObjects(yaml)),
    service: () => model.registry.byHostname().get('web.example')![0]!,
    names: model.serverNames,
  }
}

it('are those of the service as it is, whichever version of it is asked for', () => {
  const { commit, service, names } = bed()
  commit(mesh('subjectAltNames: [old.example]'))
  const before = service()
  expect(names(before)).toEqual(['old.example'])
  commit(mesh('subjectAltNames: [new.example]'))
  expect(names(before)).toEqual(['new.example'])
  expect(names(service())).toEqual(['new.example'])
})

it('are none for a service that went away', () => {
  const { commit, service, names } = bed()
  commit(mesh('subjectAltNames: [old.example]'))
  const before = service()
  commit('')
  expect(names(before)).toEqual([])
})

it('follow the accounts of its endpoints and of the workloads it selects', () => {
  const { commit, service, names } = bed()
  commit(mesh('endpoints: [{address: 10.0.0.1, serviceAccount: b}, {address: 10.0.0.2, serviceAccount: a}]'))
  expect(names(service())).toEqual(['spiffe://cluster.local/ns/default/sa/a', 'spiffe://cluster.local/ns/default/sa/b'])
  const workload = (account: string) => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: one}
spec: {address: 10.0.0.3, labels: {app: web}, serviceAccount: ${account}}
`
  commit(mesh('workloadSelector: {labels: {app: web}}', workload('c')))
  expect(names(service())).toEqual(['spiffe://cluster.local/ns/default/sa/c'])
  commit(mesh('workloadSelector: {labels: {app: web}}', workload('d')))
  expect(names(service())).toEqual(['spiffe://cluster.local/ns/default/sa/d'])
})
