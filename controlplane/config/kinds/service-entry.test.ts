import { describe, expect, it } from 'vitest'
import { brief, checkNetworking, checkYaml, kindYaml } from '../../../test/helpers/config-documents.ts'

describe('ServiceEntry', () => {
  const check = (fields: string) => checkNetworking('ServiceEntry', `{${fields}}`)
  const ports = 'ports: [{number: 80, name: http, protocol: HTTP}]'
  it.each([
    `hosts: [a.b], ${ports}, resolution: DNS`,
    `hosts: ["*.a.b"], ${ports}`,
    `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {http: 8080}}]`,
    `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: unix:///tmp/x}]`,
    `hosts: [a.b], ${ports}, resolution: DNS, endpoints: [{address: c.d}]`,
    'hosts: [a.b], addresses: [10.0.0.0/8], ports: [{number: 1, name: t, protocol: TCP}]',
    'hosts: ["*.a.b"], ports: [{number: 443, name: t, protocol: TLS}], resolution: DYNAMIC_DNS',
    'hosts: ["*.a.b"], addresses: [10.0.0.1], ports: [{number: 1, name: t, protocol: TCP}]',
    `hosts: [a.b], ${ports}, resolution: STATIC, workloadSelector: {labels: {app: a}}, exportTo: ["~"]`,
  ])('takes %s', (fields) => expect(check(fields)).toEqual([]))

  it.each([
    [`hosts: ["*"], ${ports}`, 'FIELD_VALUE spec.hosts[0]'],
    [`hosts: ["*x.a.b"], ${ports}`, 'FIELD_QUESTIONABLE spec.hosts[0]'],
    [`hosts: ["*.a.b"], ${ports}, resolution: DNS`, 'FIELD_VALUE spec.hosts[0]'],
    [`hosts: [a.b], ${ports}, endpoints: [{address: 1.1.1.1}]`, 'FIELD_VALUE spec.endpoints'],
    [
      `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: a.b}]`,
      'FIELD_VALUE spec.endpoints[0].address',
    ],
    [`hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{}]`, 'FIELD_REQUIRED spec.endpoints[0].address'],
    [
      `hosts: [a.b], ${ports}, resolution: STATIC, endpoints: [{address: 1.1.1.1, ports: {x: 1}}]`,
      'FIELD_VALUE spec.endpoints[0].ports.x',
    ],
    [`hosts: [a.b], ${ports}, resolution: DNS, addresses: [10.0.0.0/8]`, 'FIELD_VALUE spec.addresses[0]'],
    [
      `hosts: [a.b], ${ports}, resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.b}, {address: c.d}]`,
      'FIELD_VALUE spec.endpoints',
    ],
    ['hosts: [a.b], ports: [{number: 80, name: a}, {number: 80, name: b}]', 'FIELD_VALUE spec.ports[1].number'],
    ['hosts: [a.b], ports: [{number: 80, name: a}, {number: 81, name: a}]', 'FIELD_VALUE spec.ports[1].name'],
    ['hosts: [a.b], ports: [{number: 80, name: a.b}]', 'FIELD_VALUE spec.ports[0].name'],
    ['hosts: [a.b], ports: [{number: 80, name: a, protocol: nope}]', 'FIELD_VALUE spec.ports[0].protocol'],
    ['hosts: [a.b, c.d], resolution: DNS, ports: [{number: 80, name: a, protocol: TCP}]', 'FIELD_VALUE spec.ports[0]'],
    [
      `hosts: [a.b], ${ports}, resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: []`,
      'FIELD_CONFLICT spec.endpoints',
    ],
    [`hosts: [a.b], ${ports}, workloadSelector: {labels: {a: b}}`, 'FIELD_NO_EFFECT spec.workloadSelector'],
    ['hosts: ["*.a.b"], ports: [{number: 1, name: t, protocol: TCP}]', 'FIELD_UNSUPPORTED spec.ports[0]'],
    [
      'hosts: ["*.a.b"], ports: [{number: 1, name: h, protocol: HTTP, targetPort: 2}, {number: 3, name: t, protocol: TLS, targetPort: 4}]',
      'FIELD_NO_EFFECT spec.ports[0].targetPort',
    ],
    [
      'hosts: [a.b], ports: [{number: 1, name: t, protocol: TCP}], resolution: DYNAMIC_DNS',
      'FIELD_VALUE spec.hosts[0]',
      'FIELD_VALUE spec.ports[0].protocol',
    ],
  ])('refuses %s', (fields, ...problems) => expect(check(fields)).toEqual(problems))
})

describe('A host looked up per request', () => {
  const entry = (label: string, location: string) =>
    brief(
      checkYaml(
        kindYaml(
          'networking.istio.io/v1',
          'ServiceEntry',
          `{hosts: ["*.a.b"], location: ${location}, resolution: DYNAMIC_DNS, ports: [{number: 80, name: http, protocol: HTTP}]}`,
        ).replace('name: test', `name: test\n  labels: {istio.io/use-waypoint: ${label}}`),
      ),
    )
  it('cannot be inside the mesh behind a waypoint', () => {
    expect(entry('shared', 'MESH_INTERNAL')).toEqual(['FIELD_VALUE spec.location'])
    expect(entry('None', 'MESH_INTERNAL')).toEqual([])
    expect(entry('shared', 'MESH_EXTERNAL')).toEqual([])
  })
})
