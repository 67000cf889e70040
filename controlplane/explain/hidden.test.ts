import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'
import type { NodeInfo } from '../xds/resource.ts'
import { explain } from './explain.ts'

const service = (exportTo = '') => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 6379, name: tcp}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
${exportTo && `  exportTo: [${exportTo}]`}
`
const rule = (spec: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: rule, namespace: shop}
spec:
  hosts: [shop.test]
  http: [{directResponse: {status: 200}}]
  ${spec}
`
const mesh = (spec: string) => `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec:
  ${spec}
`
const sidecar = (hosts: string) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: narrow, namespace: web}
spec:
  egress:
  - hosts: [${hosts}]
`

/** What a proxy of namespace web is told; the line of each place is the text that stands there. */
function ask(url: string, ...documents: readonly string[]) {
  const text = documents.join('---')
  const world = createMesh()
  world.commit(configObjects(text, 'all.yaml'))
  const node: NodeInfo = {
    id: 'sidecar~127.0.0.1~a.web~default.svc.cluster.local',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'envoy',
    protocol: 'delta',
    secretsAllowed: true,
  }
  const request = { url: new URL(url), method: 'GET', headers: {} }
  const { steps, outcome, found } = explain(world.view(node), request, world.model)
  const hidden = steps
    .filter(({ step }) => step === 'hidden')
    .map(({ name, detail, places }) => ({
      name,
      detail,
      places: places.map(({ line }) => text.split('\n')[line - 1]!.trim()),
    }))
  return { steps, outcome, found, hidden }
}

describe('a host that is declared, and hidden from the proxy', () => {
  it('by exportTo: the line of the document, and of the host', () => {
    expect(ask('http://reviews.shop/', service(`'.', front`))).toMatchObject({
      ...{ outcome: 'answer', found: false },
      hidden: [
        {
          name: 'reviews.shop.svc.cluster.local',
          detail:
            'is declared in namespace shop, and hidden from this proxy: exportTo (., front) does not name its namespace, web',
          places: ['hosts: [reviews.shop.svc.cluster.local]', `exportTo: ['.', front]`],
        },
      ],
    })
  })

  it('by the default of the mesh', () => {
    const [found] = ask('http://reviews.shop.svc/', service(), mesh(`defaultServiceExportTo: ['.']`)).hidden
    expect(found!.places[1]).toBe(`defaultServiceExportTo: ['.']`)
  })

  it('by a Sidecar document', () => {
    const [found] = ask('http://reviews.shop/', service(), sidecar('./*')).hidden
    expect(found!.detail).toContain(
      'the egress hosts of its Sidecar document do not let in shop/reviews.shop.svc.cluster.local',
    )
    expect(found!.places[1]).toBe('- hosts: [./*]')
  })

  it('by its namespace: a short name is one of the own', () => {
    const { hidden, found } = ask('http://reviews/', service())
    expect(found).toBe(false)
    expect(hidden[0]!.detail).toContain("one of the proxy's own namespace, web: call reviews.shop")
    expect(ask('http://reviews.shop/', service())).toMatchObject({ found: true, hidden: [] })
  })

  it.each([
    [`exportTo: ['.']`, 'exportTo (.) does not name its namespace'],
    ['gateways: [edge]', 'for the gateways edge only'],
  ])('that only a rule has: %s', (spec, words) => {
    const { hidden } = ask('http://shop.test/', rule(spec))
    expect(hidden).toMatchObject([{ name: 'shop.test', detail: expect.stringContaining(words) }])
    expect(hidden[0]!.places).toEqual(['hosts: [shop.test]', spec])
    expect(ask('http://shop.test/', rule('')).hidden).toEqual([])
  })

  it('for TCP, where no port is open', () => {
    expect(ask('tcp://reviews.shop:6379', service(`'.'`))).toMatchObject({
      ...{ outcome: 'none', found: false },
      hidden: [{ name: 'reviews.shop.svc.cluster.local' }],
    })
  })

  it('as the destination of a rule', () => {
    const to = rule('').replace('directResponse: {status: 200}', 'route: [{destination: {host: reviews}}]')
    const { found, hidden, steps } = ask('http://shop.test/', to, service(`front`))
    expect(found).toBe(false)
    expect(hidden[0]!.detail).toContain('exportTo (front)')
    expect(steps.at(-1)!.detail).toBe(
      'the proxy answers 503 itself: no service reviews.shop.svc.cluster.local is visible here (VirtualService shop/rule, spec.http[0].route[0].destination)',
    )
  })
})

it('nothing is hidden that nobody declares, and an answer that a rule gives is found', () => {
  expect(ask('http://nobody.test/', service(`'.'`), rule(''))).toMatchObject({ found: false, hidden: [] })
  expect(ask('http://shop.test/', service(`'.'`), rule(''))).toMatchObject({
    outcome: 'answer',
    found: true,
    hidden: [],
  })
  const any = mesh('outboundTrafficPolicy: {mode: ALLOW_ANY}')
  expect(ask('http://nobody.test/', any)).toMatchObject({ outcome: 'endpoints', found: true })
})
