import { afterEach, describe, expect, it } from 'vitest'
import { type TestApi, testApi } from '../testing.ts'

let api: TestApi
afterEach(() => api.stop())

const list = async () => (await api.app.inject({ url: '/api/v1/rules', headers: { host: 'localhost' } })).json()

const service = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: a }
spec: { hosts: [a.example.com], resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP }] }
`
const route = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: a, namespace: shop }
spec:
  hosts: [a.example.com]
  http:
    - route: [{ destination: { host: a.example.com } }]
      timeouts: 1s
`

describe('rules', () => {
  it('are listed with hosts, place, last change and the complaints of their own document', async () => {
    api = await testApi({ 'a.yaml': `${service}---\n${route}` })
    const { rules, broken } = await list()
    expect(broken).toEqual([])
    expect(rules).toMatchObject([
      { key: 'ServiceEntry/default/a', hosts: ['a.example.com'], file: 'a.yaml', line: 1, errors: 0, warnings: 0 },
      {
        key: 'VirtualService/shop/a',
        kind: 'VirtualService',
        namespace: 'shop',
        name: 'a',
        file: 'a.yaml',
        line: 6,
        errors: 0,
        warnings: 1,
        changed: { revision: 1, who: expect.any(String), at: expect.any(String) },
      },
    ])
  })

  it('that are not in force show what keeps them out', async () => {
    api = await testApi({ 'bad.yaml': route.replace('hosts: [a.example.com]', 'hosts: 5') })
    const { rules, broken } = await list()
    expect(rules).toEqual([])
    expect(broken).toMatchObject([{ severity: 'error', line: 5 }])
  })

  it('that stand before one that is not in force, or beside it in one line, have no part in its complaints', async () => {
    const bad = '{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {servers: 5}}'
    const good =
      '{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: a, x: 1}}'
    api = await testApi({
      'a.yaml': `${service}---\n${bad}\n`,
      'b.json': `{kind: List, items: [${good}, ${bad.replace('g}', 'h}')}]}`,
    })
    const { rules, broken } = await list()
    expect(rules).toMatchObject([
      { key: 'ServiceEntry/default/a', errors: 0 },
      { key: 'DestinationRule/default/d', errors: 0, warnings: 2 },
    ])
    expect(broken).toMatchObject([{ path: 'spec.servers' }, { path: 'spec.servers' }])
  })
})
