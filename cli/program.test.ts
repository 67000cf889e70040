import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { run } from './program.ts'

const NODE = 'sidecar~10.0.0.1~shop.default~default.svc.cluster.local'
const SERVICE = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.0.1}]
`
const RULE = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - timeout: 5 seconds
      route: [{destination: {host: reviews}}]
      colour: red
`

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meshgate-cli-'))
  await mkdir(join(folder, 'good'))
  await mkdir(join(folder, 'bad'))
  await writeFile(join(folder, 'good/service.yaml'), SERVICE)
  await writeFile(join(folder, 'bad/service.yaml'), SERVICE)
  await writeFile(join(folder, 'bad/rule.yaml'), RULE)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs a command line as a shell would and returns what it printed and its exit code. */
async function meshgate(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
  process.exitCode = undefined
  try {
    return { code: await run(args), out, err }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
    process.exitCode = undefined
  }
}

describe('wrong usage is told with a suggestion and exits with 2', () => {
  test.each([
    [['proxy-statsu'], /unknown command 'proxy-statsu'\n\(Did you mean proxy-status\?\)/],
    [['bootstrap', '--nod', 'x'], /unknown option '--nod'\n\(Did you mean --node\?\)/],
    [['bootstrap'], /--node is required/],
    [['bootstrap', '--node', 'x', '--xds', 'nowhere'], /write HOST:PORT/],
    [['bootstrap', '--node', 'x', '--xds', 'a:70000'], /write HOST:PORT/],
    [['bootstrap', '--node', 'x', '--mode', 'fast'], /write one of: delta, sotw/],
    [['bootstrap', '--node', 'x', '--metadata', '[]'], /write a JSON object/],
    [['up', '--consul', 'nonsense'], /write http:\/\/HOST:PORT or https/],
    [['serve', '--stream-age', '5'], /write a duration from 1s to 8760h/],
    [['serve', '--max-streams', '0'], /write a whole number from 1 on/],
    [['bootstrap', '--node', 'x', '--metadata', '{'], /this is no JSON/],
    [['bootstrap', '--node', 'x', '--xds-cert', 'a'], /--xds-cert and --xds-key go together/],
    [['bootstrap', '--node', 'x', '-o', 'xml'], /the formats here are yaml, json/],
    [['analyze'], /missing required argument 'path'/],
    [['analyze', 'x', '-o', 'yaml'], /the formats here are text, json/],
    [['translate', '.', '--node', 'x', '--type', 'nds'], /write one of: cds, eds/],
    [['translate', '.'], /--node is required/],
    [['proxy-config', 'cluster', 'x'], /Allowed choices are clusters, listeners/],
    [['explain', '--node', 'x', 'http://a', '--header', 'nonsense'], /write NAME=VALUE/],
    [['protocol', 'chekc'], /unknown command 'chekc'\n\(Did you mean check\?\)/],
    [['user', 'add'], /missing required argument 'name'\n\(meshgate user add --help says more\)/],
    [['store', 'copy', 'file:a'], /missing required argument 'to'/],
    [['sources', 'confirm', 'a', 'b'], /too many arguments/],
    [['sources', 'confirm', '-o', 'yaml'], /the formats here are text, json/],
    [['user', 'list', '-o', 'yaml'], /the formats here are text, json/],
    [['serve', '--xds-cert', 'a'], /--xds-cert and --xds-key go together/],
    [['serve', '--log-level', 'loud'], /write one of: debug, info/],
    [['up', '--envoy', '--xds-cert', 'a', '--xds-key', 'b'], /--envoy with --xds-cert/],
  ])('%j', async (args, message) => {
    const { code, out, err } = await meshgate(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toMatch(message)
    expect(err).not.toMatch(/\bat .*\.ts:/) // no stack trace
  })
})

test.each([
  ['sources', 'confirm', '--api', '127.0.0.1:9'],
  ['sources', '--api', '127.0.0.1:9', 'confirm'],
])('options reach the command they are meant for: %s %s %s %s', async (...args) => {
  expect(await meshgate(...args)).toMatchObject({ code: 1, err: /no control plane answers at 127\.0\.0\.1:9;/ })
})

describe('help', () => {
  test('of the program names every command', async () => {
    const { code, out } = await meshgate('--help')
    expect(code).toBe(0)
    for (const name of [
      'up',
      'serve',
      'analyze',
      'translate',
      'bootstrap',
      'proxy-status',
      'proxy-config',
      'explain',
      'protocol',
    ])
      expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
  })

  test('of a command says what it does', async () => {
    const { code, out } = await meshgate('help', 'translate')
    expect(code).toBe(0)
    expect(out).toContain('--format <format>')
  })
})

describe('bootstrap', () => {
  test('of several control planes names all, for Envoy and for gRPC; without one, that on this machine', async () => {
    const addresses = async (...args: string[]) => {
      const { clusters } = parse((await meshgate('bootstrap', '--node', NODE, ...args)).out).static_resources
      const { type, load_assignment } = clusters[0]
      const endpoints: { endpoint: { address: { socket_address: object } } }[] =
        load_assignment.endpoints[0].lb_endpoints
      return [type, ...endpoints.map(({ endpoint }) => Object.values(endpoint.address.socket_address).join(':'))]
    }
    expect(await addresses()).toEqual(['STATIC', '127.0.0.1:18000'])
    expect(await addresses('--xds', '10.0.0.8:18000')).toEqual(['STATIC', '10.0.0.8:18000'])
    const two = ['--xds', 'one.internal:18000', '--xds', '10.0.0.9:18001']
    expect(await addresses(...two)).toEqual(['STRICT_DNS', 'one.internal:18000', '10.0.0.9:18001'])
    const { out } = await meshgate('bootstrap', '--node', NODE, '--grpc', ...two)
    const { xds_servers } = JSON.parse(out) as { xds_servers: { server_uri: string }[] }
    expect(xds_servers.map(({ server_uri }) => server_uri)).toEqual(['one.internal:18000', '10.0.0.9:18001'])
  })

  test('prints YAML for Envoy', async () => {
    const { code, out } = await meshgate(
      'bootstrap',
      '--node',
      NODE,
      '--xds',
      'cp:18000',
      '--mode',
      'sotw',
      '--admin-port',
      '15000',
      '--locality',
      'r/z',
    )
    const bootstrap = parse(out)
    expect(code).toBe(0)
    expect(bootstrap.node).toEqual({
      ...{ id: NODE, cluster: 'shop.default', locality: { region: 'r', zone: 'z' } },
      metadata: { DELIMITED_STATS: true, ADMIN_ADDRESS: '127.0.0.1:15000' },
    })
    expect(bootstrap.admin.address.socket_address).toEqual({ address: '127.0.0.1', port_value: 15000 })
    expect(bootstrap.dynamic_resources.ads_config.api_type).toBe('GRPC')
    expect(bootstrap.static_resources.clusters[0]).toMatchObject({ name: 'xds-grpc', type: 'STRICT_DNS' })
  })

  test('prints JSON for gRPC', async () => {
    const { code, out } = await meshgate(
      'bootstrap',
      '--node',
      'x',
      '--grpc',
      '--xds',
      '[::1]:18000',
      '--metadata',
      '{"NAMESPACE":"a"}',
    )
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({
      xds_servers: [{ server_uri: '[::1]:18000', channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
      node: { id: 'x', metadata: { NAMESPACE: 'a' }, locality: {} },
      server_listener_resource_name_template: 'grpc/server?xds.resource.listening_address=%s',
    })
  })

  test('names TLS files for either', async () => {
    const files = ['--xds-ca', 'ca.pem', '--xds-cert', 'c.pem', '--xds-key', 'k.pem']
    const grpc = JSON.parse((await meshgate('bootstrap', '--node', 'x', '--grpc', ...files)).out)
    expect(grpc.xds_servers[0].channel_creds).toEqual([
      { type: 'tls', config: { ca_certificate_file: 'ca.pem', certificate_file: 'c.pem', private_key_file: 'k.pem' } },
    ])
    const envoy = JSON.parse((await meshgate('bootstrap', '--node', 'x', '-o', 'json', ...files)).out)
    const { common_tls_context: context } = envoy.static_resources.clusters[0].transport_socket.typed_config
    expect(context.validation_context.trusted_ca).toEqual({ filename: 'ca.pem' })
  })

  test('names the certificate that a gRPC client shows to services', async () => {
    const files = ['--workload-cert', 'c.pem', '--workload-key', 'k.pem', '--workload-ca', 'ca.pem']
    const { certificate_providers: providers } = JSON.parse(
      (await meshgate('bootstrap', '--node', 'x', '--grpc', ...files)).out,
    )
    expect(providers.default.config).toEqual({
      certificate_file: 'c.pem',
      private_key_file: 'k.pem',
      ca_certificate_file: 'ca.pem',
      refresh_interval: '600s',
    })
    const some = await meshgate('bootstrap', '--node', 'x', '--grpc', ...files.slice(0, 2))
    expect([some.code, some.err]).toEqual([2, expect.stringContaining('go together')])
    const envoy = await meshgate('bootstrap', '--node', 'x', ...files)
    expect([envoy.code, envoy.err]).toEqual([2, expect.stringContaining('spec.workloadCertificates')])
  })
})

describe('analyze', () => {
  test('a good folder: nothing to say, exit 0', async () => {
    const { code, out } = await meshgate('analyze', join(folder, 'good'))
    expect({ code, out }).toEqual({ code: 0, out: '1 document: 0 errors, 0 warnings\n' })
  })

  test('a bad one: every complaint at its place, exit 1', async () => {
    const { code, out } = await meshgate('analyze', join(folder, 'bad'))
    expect(code).toBe(1)
    expect(out).toMatch(/rule\.yaml:7:16: error \w+: .*\(at spec\.http\[0\]\.timeout\)\n/)
    expect(out).toMatch(/rule\.yaml:9:7: warning \w+: .*colour/)
    expect(out).toMatch(/2 documents: 1 error, 1 warning\n$/)
  })

  test('the same as JSON, in the stable form', async () => {
    const { code, out } = await meshgate('analyze', join(folder, 'bad'), '-o', 'json')
    const { diagnostics, summary } = JSON.parse(out)
    expect(code).toBe(1)
    expect(summary).toEqual({ errors: 1, warnings: 1 })
    expect(diagnostics[0]).toEqual({
      code: expect.any(String),
      severity: 'error',
      message: expect.any(String),
      file: join(folder, 'bad/rule.yaml'),
      line: 7,
      column: 16,
      path: 'spec.http[0].timeout',
    })
    expect(diagnostics[1]).toMatchObject({ severity: 'warning', line: 9, path: 'spec.http[0].colour' })
  })

  test('a path that does not exist is an error in words', async () => {
    const { code, err } = await meshgate('analyze', join(folder, 'nothing'))
    expect(code).toBe(1)
    expect(err).toMatch(/^error: .*nothing/)
  })
})

describe('translate', () => {
  test('prints lists of Envoy messages', async () => {
    const { code, out } = await meshgate('translate', join(folder, 'good'), '--node', NODE)
    const lists = parse(out)
    expect(code).toBe(0)
    expect(Object.keys(lists)).toEqual(['clusters', 'endpoints', 'listeners', 'routes', 'secrets'])
    expect(lists.endpoints[0]).toMatchObject({ clusterName: 'outbound|80||reviews.default.svc.cluster.local' })
  })

  test('of one type, as JSON', async () => {
    const { out } = await meshgate('translate', join(folder, 'good'), '--node', NODE, '--type', 'lds', '-o', 'json')
    expect(Object.keys(JSON.parse(out))).toEqual(['listeners'])
  })

  test('what it prints is the spec of an EnvoyResource', async () => {
    const { out } = await meshgate('translate', join(folder, 'good'), '--node', NODE, '-o', 'json')
    const document = {
      apiVersion: 'meshgate.io/v1',
      kind: 'EnvoyResource',
      metadata: { name: 'copy' },
      spec: JSON.parse(out),
    }
    await mkdir(join(folder, 'copy'))
    await writeFile(join(folder, 'copy/all.json'), JSON.stringify(document))
    expect(await meshgate('analyze', join(folder, 'copy'))).toMatchObject({ code: 0 })
  })

  test('a folder with errors is translated as far as it goes; the errors go to stderr, exit 1', async () => {
    const { code, out, err } = await meshgate('translate', join(folder, 'bad'), '--node', NODE, '--type', 'rds')
    expect(code).toBe(1)
    expect(err).toMatch(/rule\.yaml:7:16: error/)
    expect(parse(out).routes[0].virtualHosts[0].routes[0].name).toBe('default')
  })
})

describe('commands that ask a control plane', () => {
  test.each([['proxy-status'], ['proxy-config', 'all', 'x'], ['explain', '--node', 'x', 'http://a']])(
    '%s says how to start one when there is none',
    async (...args) => {
      const { code, err } = await meshgate(...args, '--api', '127.0.0.1:1')
      expect(code).toBe(1)
      expect(err).toBe(
        'error: no control plane answers at 127.0.0.1:1; start one with "meshgate up" or name it with --api\n',
      )
    },
  )
})
