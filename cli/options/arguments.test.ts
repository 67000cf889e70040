import { expect, test } from 'vitest'
import { apiAddress, nodeId } from './arguments.ts'

test.each([
  ['127.0.0.1:18080', { host: '127.0.0.1', port: 18080 }],
  ['http://127.0.0.1:18080', { host: '127.0.0.1', port: 18080, tls: false }],
  ['http://127.0.0.1:18080/', { host: '127.0.0.1', port: 18080, tls: false }],
  ['https://[::1]:18080', { host: '::1', port: 18080, tls: true }],
  ['https://control-plane.test', { host: 'control-plane.test', port: 443, tls: true }],
])('the API at %s, as it is written or as a control plane prints it', (text, address) => {
  expect(apiAddress(text)).toEqual(address)
})

test.each([
  'control-plane',
  'https://',
  'http://control-plane/api/v1',
  'http://ann@control-plane',
  'ftp://control-plane:1',
  ':0',
])('no address of an API: %s', (text) => {
  expect(() => apiAddress(text)).toThrow(/^write /)
})

test('a node id that has lost a part is no other id', () => {
  for (const id of ['shop-client', 'sidecar~10.0.0.1~shop.default~default.svc.cluster.local'])
    expect(nodeId(id)).toBe(id)
  for (const id of ['sidecar~shop', 'sidecar~10.0.0.1~shop.default'])
    expect(() => nodeId(id)).toThrow(/^an id with ~ has four parts/)
})
