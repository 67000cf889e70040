import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemorySource } from '../../sources/index.ts'
import { type LoadedConfig, loadConfig } from '../load.ts'
import { type Analysis, analyze, analyzeInSteps, finish } from './analyze.ts'

const RUNS = Number(process.env['MESHGATE_ANALYSIS_RUNS'] ?? 40)
const name = fc.constantFrom('a', 'b', 'c')
const host = fc.constantFrom('a', 'b', 'a.test', '*.test', 'c.other.svc.cluster.local')
const subset = fc.constantFrom('v1', 'v2')
const namespace = fc.constantFrom('default', 'other', 'istio-system')
const port = fc.constantFrom(80, 443, 9_000)
const protocol = fc.constantFrom('HTTP', 'TCP', 'HTTPS', 'GRPC', 'game')

/** Few names, so that documents speak of each other; some documents are refused. */
const spec = fc.oneof(
  fc.tuple(host, port, protocol, subset, fc.boolean()).map(([at, number, spoken, version, broken]) => ({
    kind: 'ServiceEntry',
    spec: {
      hosts: [at],
      resolution: broken ? 'SOMEHOW' : 'STATIC',
      ports: [{ number, name: 'p', protocol: spoken }],
      endpoints: [{ address: '10.0.0.1', labels: { version } }],
    },
  })),
  fc
    .tuple(host, host, subset, fc.constantFrom(0, 50, 100, 101), fc.option(name), fc.option(name))
    .map(([at, to, version, weight, gateway, delegate]) => ({
      kind: 'VirtualService',
      spec: {
        hosts: [at],
        ...(gateway ? { gateways: [gateway, 'mesh'] } : {}),
        http: [
          ...(delegate ? [{ match: [{ uri: { prefix: '/d' } }], delegate: { name: delegate } }] : []),
          {
            route: [
              { destination: { host: to, subset: version }, weight },
              { destination: { host: at }, weight: 100 - weight },
            ],
          },
          { match: [{ uri: { prefix: '/' } }], route: [{ destination: { host: to, port: { number: 80 } } }] },
        ],
      },
    })),
  fc.tuple(host, subset, fc.option(name)).map(([at, version, credentialName]) => ({
    kind: 'DestinationRule',
    spec: {
      host: at,
      subsets: [{ name: version, labels: { version } }],
      trafficPolicy: {
        loadBalancer: { consistentHash: { httpHeaderName: 'x' } },
        ...(credentialName ? { tls: { mode: 'SIMPLE', credentialName } } : {}),
      },
    },
  })),
  fc.tuple(port, host, name).map(([number, at, credentialName]) => ({
    kind: 'Gateway',
    spec: {
      selector: { app: 'x' },
      servers: [
        number === 443
          ? { port: { number, name: 'p', protocol: 'HTTPS' }, hosts: [at], tls: { mode: 'SIMPLE', credentialName } }
          : { port: { number, name: 'p', protocol: 'HTTP' }, hosts: [at] },
      ],
    },
  })),
  fc.tuple(host, port, fc.boolean()).map(([at, number, selective]) => ({
    kind: 'Sidecar',
    spec: {
      ...(selective ? { workloadSelector: { labels: { app: 'x' } } } : {}),
      egress: [{ hosts: [`./${at}`], ...(number === 80 ? {} : { port: { number, name: 'p', protocol: 'HTTP' } }) }],
    },
  })),
)

const document = fc.tuple(spec, name, namespace).map(([{ kind, spec: content }, named, within]) =>
  JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind,
    metadata: { name: named, namespace: within },
    spec: content,
  }),
)
const file = fc.constantFrom('1.yaml', '2.yaml', '3.yaml')
const text = fc.oneof(
  { weight: 9, arbitrary: fc.array(document, { minLength: 1, maxLength: 4 }).map((all) => all.join('\n---\n')) },
  { weight: 1, arbitrary: fc.constant('{ broken: [') },
)
/** A file gets another text, or goes. */
const step = fc.tuple(file, fc.option(text, { freq: 6 }))

test(`the analysis after ${RUNS} sequences of edits is that of their ends`, { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) => {
      const files: Record<string, string> = {}
      const source = MemorySource.of(files)
      let loaded: LoadedConfig | undefined
      let analysis: Analysis | undefined
      for (const [at, content] of steps) {
        if (content === null) delete files[at]
        else files[at] = content
        loaded = loadConfig(source.set({ ...files }), loaded)
        analysis = finish(analyzeInSteps(loaded, analysis))
        expect(analysis.diagnostics).toEqual(analyze(loaded))
      }
    }),
    { numRuns: RUNS },
  )
})
