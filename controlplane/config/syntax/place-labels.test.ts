import { expect, test } from 'vitest'
import { endpointLabels, workloadLabels } from './place-labels.ts'

test('a locality says its parts as labels, and wins over written ones', () => {
  const labels = { version: 'v1', 'topology.kubernetes.io/region': 'written' }
  expect(endpointLabels({ labels, locality: 'eu/a' })).toEqual({
    version: 'v1',
    'topology.kubernetes.io/region': 'eu',
    'topology.kubernetes.io/zone': 'a',
  })
  expect(endpointLabels({ locality: 'eu/a/1' })['topology.istio.io/subzone']).toBe('1')
  expect(endpointLabels({ labels })).toBe(labels)
})

test('the label istio-locality stands for a locality that is absent or empty', () => {
  const labels = { 'istio-locality': 'eu.a.1' }
  expect(endpointLabels({ labels, locality: '' })['topology.kubernetes.io/zone']).toBe('a')
  expect(endpointLabels({ labels, locality: 'us' })['topology.kubernetes.io/region']).toBe('us')
})

test('a network is a label, unless one is written', () => {
  expect(endpointLabels({ network: 'n1' })).toEqual({ 'topology.istio.io/network': 'n1' })
  const labels = { 'topology.istio.io/network': 'n2' }
  expect(endpointLabels({ network: 'n1', labels })).toEqual(labels)
})

test('labels in the metadata of a WorkloadEntry win over those of its spec', () => {
  const entry = { labels: { app: 'a' }, spec: { labels: { app: 'b', version: 'v1' } } }
  expect(workloadLabels(entry)).toEqual({ app: 'a', version: 'v1' })
  expect(workloadLabels(entry)).toBe(workloadLabels(entry))
})
