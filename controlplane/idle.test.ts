import { expect, test } from 'vitest'
import { NO_VERDICTS } from '../test/helpers/no-verdicts.ts'
import { LiveConfig } from './live-config.ts'
import { createMesh } from './mesh.ts'
import type { SourceDocument } from './sources/document.ts'
import { MemorySource } from './sources/memory-source.ts'
import type { SourceSnapshot } from './sources/source.ts'
import { ClassLog } from './subscription/class-log.ts'
import { Client } from './subscription/client.ts'

const SERVICES = 300
const NODE = {
  id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local',
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy/1.39.3',
  protocol: 'delta',
  secretsAllowed: true,
} as const

const service = (index: number, end: number) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: s${index}, namespace: shop}
spec:
  hosts: [s${index}.shop]
  ports: [{number: 8080, name: http, protocol: HTTP}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 10.0.0.${end}}]
`
const mesh = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {drainTime: 0s}
`

const request = (subscribe: readonly string[]) =>
  ({
    form: 'delta',
    typeUrl: '',
    node: undefined,
    nonce: '',
    error: undefined,
    subscribe,
    unsubscribe: [],
    initialVersions: new Map(),
  }) as const

test('of all services only what somebody asks for is ever encoded', async () => {
  const encoded: string[] = []
  const compiled = createMesh({ onCompiled: (type, name) => encoded.push(`${type} ${name}`) })
  const documents: SourceDocument[] = []
  const read = (text: string, file: string) => MemorySource.of({ [file]: text }).snapshot.documents[0]!
  documents.push(read(mesh, 'mesh.yaml'))
  for (let index = 0; index < SERVICES; index++) documents.push(read(service(index, 1), `s${index}.yaml`))
  let changed: (snapshot: SourceSnapshot) => void = () => {}
  const config = new LiveConfig(
    {
      start: async () => ({ documents: documents.slice(), diagnostics: [] }),
      onChange(listener) {
        changed = listener
        return () => {}
      },
      stop: async () => {},
    },
    compiled,
  )
  await config.start()
  const epoch = { now: 0 }
  compiled.onChange(() => epoch.now++)
  const change = (index: number, end: number) => {
    documents[index + 1] = read(service(index, end), `s${index}.yaml`)
    changed({ documents: documents.slice(), diagnostics: [] })
  }
  const log = new ClassLog(compiled.view(NODE), epoch, NO_VERDICTS)
  expect(encoded, 'nobody has asked for anything').toEqual([])

  const client = new Client(log, {
    id: NODE.id,
    form: 'delta',
    ackTimeoutMs: 5000,
    paceMs: 2000,
    removalTimeoutMs: 30_000,
    settleMs: 1000,
    clustersAtOnce: 64,
    frames: { headroom: 0, seal: () => {}, identifier: '', boot: '', responseBytes: 1e6 },
  })
  let pieces = 0
  for (const _ of log.preparation('cds', true, []) ?? []) pieces++
  expect(pieces, 'what the table of all services is made of is made a little at a time').toBeGreaterThanOrEqual(
    SERVICES / 4,
  )
  for (const [type, names] of [
    ['cds', ['*']],
    ['lds', ['*']],
    ['rds', ['http_proxy']],
  ] as const) {
    client.receive(type, request(names), 0)
    client.flow(0)
  }
  expect(
    encoded.filter((what) => /^(cds|eds) outbound/.test(what)),
    'a proxy that has its routes',
  ).toEqual([])

  encoded.length = 0
  const refresh = () => {
    for (const _ of log.prepare());
    log.refresh()
    client.flow(0)
  }
  for (let index = 0; index < 50; index++) change(index, 2)
  refresh()
  expect(encoded, 'endpoints of services nobody asked for').toEqual([])

  const name = 'outbound|8080||s7.shop'
  client.receive('cds', request([name]), 0)
  client.flow(0)
  expect(encoded).toEqual([`cds ${name}`, `eds ${name}`])
  encoded.length = 0
  for (let index = 0; index < 50; index++) change(index, 3)
  refresh()
  expect(encoded).toEqual([`eds ${name}`])
})
