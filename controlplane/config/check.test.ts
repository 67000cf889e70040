import { describe, expect, it } from 'vitest'
import { brief, checkNetworking, checkYaml, documentsOf, kindYaml } from '../../test/helpers/config-documents.ts'
import { checkDocument } from './check.ts'

const ENTRY = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: reviews
spec:
  hosts: [reviews.local]
  ports:
  - number: 80
    name: http
    protocol: HTTP
`

describe('a document becomes an object', () => {
  it('with the spec as it was written', () => {
    const { object, diagnostics } = checkDocument(documentsOf(ENTRY)[0]!)
    expect(diagnostics).toEqual([])
    expect(object).toMatchObject({
      kind: 'ServiceEntry',
      key: 'ServiceEntry/default/reviews',
      labels: {},
      spec: { hosts: ['reviews.local'], ports: [{ number: 80, name: 'http', protocol: 'HTTP' }] },
    })
  })

  it('with names in snake_case brought to camelCase, and places still found', () => {
    const yaml = kindYaml(
      'networking.istio.io/v1',
      'DestinationRule',
      '\nhost: a\ntraffic_policy:\n  outlier_detection:\n    consecutive_5xx_errors: 3',
    )
    const { object } = checkDocument(documentsOf(yaml)[0]!)
    expect(object?.spec).toEqual({ host: 'a', trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } } })
    const path = ['spec', 'trafficPolicy', 'outlierDetection', 'consecutive5xxErrors']
    expect(object?.source.locate(path, 'key')).toEqual({ file: 'test.yaml', line: 9, column: 7 })
  })

  it('of a Secret, whose fields stand beside metadata', () => {
    const yaml = 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: Opaque\nstringData:\n  user: x\n'
    const { object } = checkDocument(documentsOf(yaml)[0]!)
    expect(object?.spec).toEqual({ type: 'Opaque', stringData: { user: 'x' } })
    expect(object?.source.locate(['spec', 'stringData', 'user'], 'key').line).toBe(6)
  })

  it('without metadata, when there is one for the whole mesh', () => {
    const { object } = checkDocument(documentsOf('apiVersion: meshgate.io/v1\nkind: Mesh\nspec: {}\n')[0]!)
    expect(object?.key).toBe('Mesh/default/default')
  })
})

describe('complaints', () => {
  it('have the line and column of the field', () => {
    const [diagnostic] = checkYaml(ENTRY.replace('number: 80', 'number: 99999'))
    expect(diagnostic).toMatchObject({
      code: 'FIELD_VALUE',
      severity: 'error',
      file: 'test.yaml',
      line: 8,
      column: 13,
      path: 'spec.ports[0].number',
    })
  })

  it('known bytes of a protocol beside its document are none of its business; a document with more in it is', () => {
    const vectors = 'protocol: quill\nvectors:\n  - {name: hello, hex: "0102"}\n'
    expect(checkYaml(vectors)).toEqual([])
    expect(checkYaml(`${vectors}kind: Gateway\n`).map(({ code }) => code)).toContain('DOCUMENT_INVALID')
  })

  it('name the forms that a value may have', () => {
    const router = `apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: one}
spec: {msgid: {range: 1-5}, svrName: a.b}
`
    expect(checkYaml(router)).toEqual([
      expect.objectContaining({ message: 'msgid must be a number, a text or a list, not an object' }),
    ])
  })

  it('come all at once, also when types are wrong', () => {
    const spec =
      '{hosts: [a.b], exportTo: 3, http: [{timeout: soon, match: [{port: x}]}, {route: [{weight: 1}]}], tcp: [{route: []}]}'
    expect(checkNetworking('VirtualService', spec).toSorted()).toEqual([
      'FIELD_REQUIRED spec.http[0].route',
      'FIELD_REQUIRED spec.http[1].route[0].destination',
      'FIELD_REQUIRED spec.tcp[0].route',
      'FIELD_TYPE spec.exportTo',
      'FIELD_TYPE spec.http[0].match[0].port',
      'FIELD_VALUE spec.http[0].timeout',
    ])
  })

  it('about an unknown field stand at its key and guess what was meant', () => {
    const [diagnostic] = checkYaml(ENTRY.replace('hosts:', 'host: x\n  hosts:'))
    expect(diagnostic).toMatchObject({
      code: 'FIELD_UNKNOWN',
      severity: 'warning',
      line: 6,
      column: 3,
      hint: 'did you mean "hosts"?',
    })
  })

  it.each([
    ['protocol: HTTP', 'protocol: 5', 'FIELD_TYPE spec.ports[0].protocol'],
    ['protocol: HTTP', 'protocol: null'],
    ['hosts: [reviews.local]', 'hosts: reviews.local', 'FIELD_TYPE spec.hosts'],
    ['hosts: [reviews.local]', 'hosts: []', 'FIELD_VALUE spec.hosts'],
    ['number: 80', 'number: "80"', 'FIELD_TYPE spec.ports[0].number'],
    ['number: 80', 'number: 8.5', 'FIELD_TYPE spec.ports[0].number'],
    ['spec:', 'location: MESH\nspec:', 'FIELD_UNKNOWN location'],
    ['  hosts', '  location: MESH\n  hosts', 'FIELD_VALUE spec.location'],
    ['  hosts', '  location: 1\n  hosts', 'FIELD_TYPE spec.location'],
    ['  name: reviews', '  labels: {version: 1}\n  name: reviews', 'METADATA_INVALID metadata.labels.version'],
    ['  name: reviews', '  namespace: A_b\n  name: reviews', 'METADATA_INVALID metadata.namespace'],
    ['  name: reviews', '  nam: reviews', 'FIELD_UNKNOWN metadata.nam', 'METADATA_INVALID metadata.name'],
    ['  name: reviews', '  name: Reviews', 'METADATA_UNUSUAL metadata.name'],
    ['kind: ServiceEntry', 'kind: ServiceEntri', 'KIND_UNKNOWN kind'],
    [
      'networking.istio.io/v1\nkind: ServiceEntry',
      'authentication.istio.io/v1alpha1\nkind: MeshPolicy',
      'KIND_UNKNOWN kind',
    ],
    ['networking.istio.io/v1\nkind: ServiceEntry', 'certs.example/v1\nkind: Certificate', 'KIND_IGNORED kind'],
    ['networking.istio.io/v1\nkind: ServiceEntry', 'networking.isto.io/v1\nkind: ServiceEntri', 'KIND_UNKNOWN kind'],
    ['kind: ServiceEntry', 'kind: ServiceEntryList', 'KIND_LIST kind'],
    ['kind: ServiceEntry', 'kind: List\nitems: {}', 'KIND_LIST items'],
    ['networking.istio.io/v1', 'networking.istio.io/v1alpha1', 'KIND_VERSION apiVersion'],
    ['networking.istio.io/v1', 'v1', 'KIND_VERSION apiVersion'],
    ['networking.istio.io/v1\nkind: ServiceEntry', 'v1\nkind: Service', 'KIND_IGNORED kind'],
    ['networking.istio.io/v1\nkind: ServiceEntry', 'gateway.networking.k8s.io/v1\nkind: Gateway', 'KIND_IGNORED kind'],
    ['apiVersion: networking.istio.io/v1', 'apiVerson: networking.istio.io/v1', 'DOCUMENT_INVALID'],
    ['spec:', 'spec: ~\n_:', 'FIELD_UNKNOWN _', 'FIELD_REQUIRED spec'],
  ])('%s changed to %s', (before, after, ...problems) =>
    expect(brief(checkYaml(ENTRY.replace(before, after)))).toEqual(problems),
  )

  it('say once that a file of another program is no document', () => {
    expect(brief(checkYaml('image: {tag: 1.2.3}\nreplicas: 2\n'))).toEqual(['DOCUMENT_INVALID'])
    expect(brief(checkYaml('knd: ServiceEntry\nmetadata: {name: a}\n'))).toEqual([
      'DOCUMENT_INVALID',
      'DOCUMENT_INVALID',
    ])
  })

  it.each([
    ['rbac.istio.io/v1alpha1', 'ServiceRole', 'AuthorizationPolicy'],
    ['authentication.istio.io/v1alpha1', 'Policy', 'PeerAuthentication and RequestAuthentication'],
    ['config.istio.io/v1alpha2', 'handler', 'Mixer'],
  ])('about %s %s say what took its place', (apiVersion, kind, place) => {
    const [diagnostic] = checkYaml(kindYaml(apiVersion, kind, '{}'))
    expect(diagnostic).toMatchObject({ code: 'KIND_UNKNOWN', hint: expect.stringContaining(place) })
  })

  it('say of a kustomization what to write instead', () => {
    const hint = 'its patches are not made here: write what `kustomize build` prints'
    const text = 'resources: [a.yaml]\n'
    const head = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n'
    for (const [file, yaml] of [
      ['shop/kustomization.yaml', text],
      ['a.yaml', head + text],
    ] as const) {
      const { diagnostics } = checkDocument(documentsOf(yaml, file)[0]!)
      expect(diagnostics).toMatchObject([{ code: 'KIND_IGNORED', severity: 'warning', hint }])
    }
  })

  it('about a version name the right ones', () => {
    const [diagnostic] = checkYaml(ENTRY.replace('io/v1', 'io/v2'))
    expect(diagnostic?.hint).toBe(
      'use networking.istio.io/v1, networking.istio.io/v1beta1, networking.istio.io/v1alpha3',
    )
  })

  it('say which kinds are not compiled, and stay warnings', () => {
    const yaml = kindYaml('security.istio.io/v1', 'PeerAuthentication', '{mtls: {mode: STRICT}}')
    const { object, diagnostics } = checkDocument(documentsOf(yaml)[0]!)
    expect(diagnostics).toMatchObject([
      {
        code: 'KIND_NOT_COMPILED',
        severity: 'warning',
        hint: expect.stringContaining('plain connections are taken as before'),
      },
    ])
    expect(object).toBeDefined()
  })

  it('about old and unsupported fields are warnings', () => {
    expect(
      checkNetworking(
        'VirtualService',
        '{hosts: [a.b], http: [{websocketUpgrade: true, route: [{destination: {host: a}}]}]}',
      ),
    ).toEqual(['FIELD_DEPRECATED spec.http[0].websocketUpgrade'])
  })

  it('take one spelling of a field only', () => {
    expect(checkNetworking('DestinationRule', '{host: a, exportTo: [.], export_to: [.]}')).toEqual([
      'FIELD_CONFLICT spec.export_to',
    ])
  })
})

describe('a field without a value', () => {
  it.each([
    ['VirtualService', '{hosts: [a.b], gateways: ~, tcp: ~, http: [{match: ~, route: [{destination: {host: a}}]}]}'],
    ['DestinationRule', '{host: a, subsets: ~, exportTo: ~, trafficPolicy: ~}'],
    ['DestinationRule', '{host: a, trafficPolicy: {outlierDetection: {consecutive5xxErrors: ~}}}'],
    ['DestinationRule', '{host: a, traffic_policy: ~, workloadSelector: ~}'],
    ['Sidecar', '{ingress: ~, egress: [{port: ~, hosts: ["*/*"]}]}'],
  ])('of a %s counts as absent: %s', (kind, spec) => expect(checkNetworking(kind, spec)).toEqual([]))

  it('is not in the object, and excludes no other field', () => {
    const yaml = kindYaml(
      'networking.istio.io/v1',
      'DestinationRule',
      '{host: a, subsets: ~, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN, consistentHash: ~}}}',
    )
    const { object, diagnostics } = checkDocument(documentsOf(yaml)[0]!)
    expect(diagnostics).toEqual([])
    expect(object?.spec).toEqual({ host: 'a', trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } } })
  })

  it('that is required is missing, at the place of its key', () => {
    const [diagnostic, ...others] = checkYaml(
      kindYaml('networking.istio.io/v1', 'DestinationRule', '\nhost:\nsubsets:\n- name: v1'),
    )
    expect(others).toEqual([])
    expect(diagnostic).toMatchObject({
      code: 'FIELD_REQUIRED',
      path: 'spec.host',
      line: 6,
      message: 'host is required',
    })
    expect(diagnostic?.hint).toBe('give it a value: a field without one counts as absent')
  })

  it('stays where any JSON may stand', () => {
    const { object } = checkDocument(
      documentsOf(
        'apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: a}\n' +
          'spec: {url: "file:///a.wasm", pluginConfig: {a: ~, b: {c: [~]}}, priority: ~}\n',
      )[0]!,
    )
    expect(object?.spec).toEqual({ url: 'file:///a.wasm', pluginConfig: { a: null, b: { c: [null] } } })
  })

  it('of metadata is an absent one; a label without a value is an empty text', () => {
    const { object, diagnostics } = checkDocument(
      documentsOf(
        'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nspec: ~\n' +
          'metadata: {name: a, namespace: ~, creationTimestamp: ~, annotations: ~, labels: {part: ~}}\n',
      )[0]!,
    )
    expect(brief(diagnostics)).toEqual([])
    expect(object).toMatchObject({ namespace: 'default', labels: { part: '' }, annotations: {}, spec: {} })
  })

  it('as an entry of a map is left out, which is told', () => {
    expect(checkNetworking('DestinationRule', '{host: a, subsets: [{name: v1, labels: {version: ~, a: b}}]}')).toEqual([
      'FIELD_QUESTIONABLE spec.subsets[0].labels.version',
    ])
  })

  it('as an item of a list is wrong', () => {
    expect(checkNetworking('VirtualService', '{hosts: [a.b, ~], http: [~]}').toSorted()).toEqual([
      'FIELD_TYPE spec.hosts[1]',
      'FIELD_TYPE spec.http[0]',
    ])
  })
})

describe('absurd documents are answered', () => {
  it('with many wrong values: the first hundred and a number', () => {
    const hosts = Array.from({ length: 50_000 }, (_, index) => `"_${index}"`)
    const diagnostics = checkYaml(
      kindYaml(
        'networking.istio.io/v1',
        'VirtualService',
        `{hosts: [${hosts}], http: [{route: [{destination: {host: a}}]}]}`,
      ),
    )
    expect(diagnostics).toHaveLength(101)
    expect(diagnostics.at(-1)).toMatchObject({
      code: 'TOO_MANY_PROBLEMS',
      message: '49900 more problems in this document',
    })
  })

  it('with many right ones', () => {
    const hosts = Array.from({ length: 100_000 }, (_, index) => `h${index}.example.com`)
    expect(
      checkNetworking('VirtualService', `{hosts: [${hosts}], http: [{route: [{destination: {host: a}}]}]}`),
    ).toEqual([])
  })

  it('with values in themselves', () => {
    const value: Record<string, unknown> = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } }
    value['data'] = value
    const [document] = documentsOf('a: b')
    const { id, index, file, revision } = document!
    const locate = () => ({ file, line: 1, column: 1 })
    expect(brief(checkDocument({ id, index, file, revision, locate, value }).diagnostics)).toEqual([
      expect.stringMatching(/^DOCUMENT_TOO_LARGE/),
    ])
  })

  it.each(['just text', '[a, b]', '3', 'true', 'kind: List\nitems: [~]', 'kind: List\nitems: [a]'])(
    'that are %s',
    (yaml) => expect(brief(checkYaml(yaml))).toEqual(['DOCUMENT_INVALID']),
  )
})
