import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { testCa } from '../helpers/certificates.ts'
import { PROGRAM } from '../helpers/compiled.ts'
import { startEcho } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { eventually } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort, freePorts, portOpen } from '../helpers/ports.ts'
import { type RunningProcess, spawnForTest, stopAfterTests } from '../helpers/processes.ts'

const NODE = 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local'

let folder: string
const newFolder = () => {
  folder = testFolder('commands')
}

const write = (name: string, text: string) => writeFile(join(folder, name), text)

/** Starts meshgate. */
async function start(...args: string[]): Promise<RunningProcess & { out(): string }> {
  let out = ''
  const started = await spawnForTest({
    command: process.execPath,
    args: [...PROGRAM, ...args],
    cwd: folder,
    onLine: (line, stream) => {
      if (stream === 'stdout') out += `${line}\n`
    },
  })
  return Object.assign(started, { out: () => out })
}

async function meshgate(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const started = await start(...args)
  const { code } = await started.exited
  return { code, out: started.out(), err: started.errors() }
}

/** The JSON log line with this message. */
const logged = (text: string, message: string) =>
  text
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    .find(({ msg }) => msg === message)

async function serve(...args: string[]) {
  const started = await start('serve', folder, '--xds', '127.0.0.1:0', '--api', '127.0.0.1:0', ...args)
  await eventually(() => expect(logged(started.out(), 'meshgate is up'), started.errors()).toBeTruthy(), {
    withinMs: 60_000,
  })
  const { xds, api } = logged(started.out(), 'meshgate is up')
  return { process: started, xds: `127.0.0.1:${xds.port}`, api: api.replace('http://', '') as string }
}

/** Status and upstream of a request for reviews through the sidecar. */
function throughSidecar(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, headers: { host: 'reviews' } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(`${answer.statusCode} ${answer.headers['x-echo-name']}`))
    })
    call.on('error', reject)
    call.end()
  })
}

describe.each(['delta', 'sotw'] as const)('serve and the commands that ask it, with a real Envoy, %s', (mode) => {
  let control: Awaited<ReturnType<typeof serve>>
  let envoy: TestEnvoy
  let httpPort: number

  beforeAll(async () => {
    newFolder()
    const echo = await startEcho('reviews')
    httpPort = await freePort()
    await write('service.yaml', serviceAt('reviews', [echo]))
    await write('mesh.yaml', meshSettings(`httpPort: ${httpPort}, loadReportInterval: 1s, trafficReports: true`))
    control = await serve()
    const { out } = await meshgate(
      'bootstrap',
      '--node',
      NODE,
      '--xds',
      control.xds,
      '--mode',
      mode,
      '--admin-port',
      '0',
    )
    envoy = await startEnvoy({ bootstrap: out })
  })
  afterAll(async () => {
    await envoy?.stop()
    await control?.process.stop()
  })

  test('a proxy is seen as synced, its configuration and the way of requests are told', async () => {
    expect(await throughSidecar(httpPort)).toBe('200 reviews')
    // What the request brought may not be acknowledged yet.
    await eventually(async () => {
      const status = await meshgate('proxy-status', '--api', control.api)
      expect(status.code).toBe(0)
      expect(status.out).toMatch(
        new RegExp(`^${NODE} +SYNCED +SYNCED +SYNCED +SYNCED +- +${mode} +\\d\\S* +envoy/`, 'm'),
      )
    })

    const json = JSON.parse((await meshgate('proxy-status', NODE, '-o', 'json', '--api', control.api)).out)
    expect(json.proxies).toMatchObject([
      { node: NODE, mode, connected: true, state: 'SYNCED', peer: expect.stringMatching(/^127/) },
    ])

    const clusters = await meshgate('proxy-config', 'clusters', NODE, '--api', control.api)
    expect(clusters.out).toMatch(/^outbound\|80\|\|reviews\S+ +[0-9a-f]{16} +acknowledged +.*service\.yaml:\d+/m)
    const all = parse((await meshgate('proxy-config', 'all', NODE, '-o', 'yaml', '--api', control.api)).out)
    expect(Object.keys(all)).toEqual(expect.arrayContaining(['clusters', 'endpoints', 'listeners', 'routes']))
    expect(all.listeners.map(({ name }: { name: string }) => name)).toEqual([`127.0.0.1_${httpPort}`])

    const way = await meshgate('explain', '--node', NODE, 'http://reviews/', '--api', control.api)
    expect(way.code).toBe(0)
    expect(way.out).toMatch(/service\.yaml:\d+:\d+ +ServiceEntry\/default\/reviews/)
    const nowhere = await meshgate('explain', '--node', NODE, 'tcp://reviews:9999', '--api', control.api)
    expect(nowhere.code).toBe(1)
    const refused = await meshgate('explain', '--node', NODE, 'http://nobody.test/', '--api', control.api)
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('answers 502') })
  })

  test('what it reports is told: by the command, by the API, and as figures of Prometheus', async () => {
    const REVIEWS = 'outbound|80||reviews.default.svc.cluster.local'
    const api = async (path: string) => (await fetch(`http://${control.api}${path}`)).text()
    const figure = async (series: string) => {
      const line = (await api('/metrics')).split('\n').find((text) => text.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length))
    }
    const issued = `meshgate_load_requests_total{cluster="${REVIEWS}",result="issued"}`
    // Of a cluster Envoy does not tell what came before the first report that has it.
    await eventually(async () => {
      expect(await throughSidecar(httpPort)).toBe('200 reviews')
      expect(await figure(issued)).toBeGreaterThan(0)
      expect(await figure('meshgate_access_log_entries_total')).toBeGreaterThan(0)
    })
    expect(await figure('meshgate_load_report_streams')).toBe(1)
    expect(await figure('meshgate_load_reports_total')).toBeGreaterThan(0)
    expect(await figure(issued.replace('issued', 'error'))).toBe(0)
    expect(await figure('meshgate_access_log_streams')).toBe(1)
    expect(await figure('meshgate_access_log_edges')).toBe(1)

    const { edges } = JSON.parse(await api('/api/v1/edges'))
    expect(edges).toMatchObject([
      {
        cluster: REVIEWS,
        host: 'reviews.default.svc.cluster.local',
        port: 80,
        statuses: { '2xx': expect.any(Number) },
      },
    ])
    const { clusters: all } = JSON.parse(await api('/api/v1/load'))
    const { clusters: ofProxy } = JSON.parse(await api(`/api/v1/proxies/${NODE}/load`))
    for (const clusters of [all, ofProxy])
      expect(clusters).toContainEqual(
        expect.objectContaining({ cluster: REVIEWS, issued: expect.any(Number), failed: 0 }),
      )
    expect(ofProxy.find(({ cluster }: { cluster: string }) => cluster === REVIEWS).issued).toBeGreaterThan(0)
    expect((await fetch(`http://${control.api}/api/v1/proxies/nobody/load`)).status).toBe(404)
    const { out } = await meshgate('proxy-status', NODE, '--api', control.api)
    expect(out).toMatch(
      /^load +\d+ requests?, 0 failed, \d+ in progress; \d of \d clusters? used in the last \d+ s; reported \d+m?s ago$/m,
    )
    if (mode === 'delta') expect(out).toMatch(/^on demand +1 cluster; 1 learned for \S+, 0 evicted so far$/m)
    expect(await figure('meshgate_ondemand_workloads')).toBe(mode === 'delta' ? 1 : 0)
    expect(await figure('meshgate_ondemand_evicted_clusters')).toBe(0)
  })

  test('what a proxy refuses is told with its words and the line, the rest goes on', async () => {
    // Nothing but the proxy can know that the port is taken.
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    stopAfterTests(async () => taken.close())
    const { port } = taken.address() as { port: number }
    await write(
      'raw.yaml',
      `apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: extra}
spec:
  listeners:
  - name: extra
    address: {socketAddress: {address: 127.0.0.1, portValue: ${port}}}
    filterChains:
      - filters:
          - name: tcp
            typedConfig:
              '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
              statPrefix: extra
              cluster: BlackHoleCluster
`,
    )
    const diagnostics = async () =>
      (
        (await (await fetch(`http://${control.api}/api/v1/diagnostics`)).json()) as {
          diagnostics: { code: string; file: string; line: number }[]
        }
      ).diagnostics
    await expect.poll(diagnostics).toMatchObject([{ code: 'XDS_REJECTED', line: 6 }])
    const { code, out } = await meshgate('proxy-status', '--api', control.api)
    expect(code).toBe(1)
    expect(out).toMatch(/^NACK .* lds extra: .*(cannot bind|Address already in use)/m)
    expect(out).toMatch(/ from .*raw\.yaml:6:\d+ \(EnvoyResource\/default\/extra\)/)
    expect(await (await fetch(`http://${control.api}/metrics`)).text()).toMatch(
      /^pilot_total_xds_rejects\{type="lds"\} [1-9]/m,
    )
    expect(await throughSidecar(httpPort)).toBe('200 reviews')
  })

  test('what is wrong with the configuration itself stands below the proxies, which have what was in force', async () => {
    await write(
      'wrong.yaml',
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: wrong}
spec: {hosts: [wrong.test], http: [{timeout: soon, route: [{destination: {host: reviews}}]}]}
`,
    )
    const status = async () => (await meshgate('proxy-status', '--api', control.api)).out
    await expect.poll(status).toMatch(/^1 error in the configuration: .*\n\S*wrong\.yaml:4:\d+: error FIELD_VALUE: /m)
    const json = JSON.parse((await meshgate('proxy-status', '-o', 'json', '--api', control.api)).out)
    expect(json.errors).toMatchObject([{ severity: 'error', line: 4 }])
    await write('wrong.yaml', '')
    await expect.poll(status).not.toMatch('in the configuration')
  })

  test('SIGTERM stops in order; Envoy goes on with what it has', async () => {
    expect(await throughSidecar(httpPort)).toBe('200 reviews')
    const { code } = await control.process.stop(20_000)
    expect(code).toBe(0)
    expect(logged(control.process.out(), 'stopping')).toMatchObject({ signal: 'SIGTERM' })
    expect(await throughSidecar(httpPort)).toBe('200 reviews')
  })
})

describe('starting', () => {
  beforeEach(newFolder)

  test('a port in use is told, with the option that changes it', async () => {
    await write('service.yaml', serviceAt('reviews', [{ port: 1 }]))
    const [taken] = await Promise.all([startEcho('taken')])
    for (const option of ['xds', 'api']) {
      const other = option === 'xds' ? 'api' : 'xds'
      const { code, err } = await meshgate(
        'serve',
        folder,
        `--${option}`,
        `127.0.0.1:${taken.port}`,
        `--${other}`,
        '127.0.0.1:0',
      )
      expect(code).toBe(1)
      expect(err).toMatch(new RegExp(`^error: 127.0.0.1:${taken.port} is in use: .*--${option} HOST:PORT$`, 'm'))
    }
  })

  test('a folder that does not exist is told', async () => {
    const { code, err } = await meshgate(
      'serve',
      join(folder, 'nothing'),
      '--xds',
      '127.0.0.1:0',
      '--api',
      '127.0.0.1:0',
    )
    expect(code).toBe(1)
    expect(err).toMatch(/^error: .*nothing/m)
  })

  test.each(['xds', 'api'])('%s on all addresses needs TLS or --insecure', async (option) => {
    await write('service.yaml', serviceAt('reviews', [{ port: 1 }]))
    const other = option === 'xds' ? 'api' : 'xds'
    const args = ['serve', folder, `--${option}`, '0.0.0.0:0', `--${other}`, '127.0.0.1:0']
    const { code, err } = await meshgate(...args)
    expect(code).toBe(2)
    expect(err).toMatch(new RegExp(`^error: .*everybody who can reach it: give --${option}-cert and --${option}-key`))
  })

  test('the API over TLS asks for a client certificate, and the commands show one', async () => {
    await write('service.yaml', serviceAt('reviews', [{ port: 1 }]))
    const ca = await testCa()
    const [server, client] = await Promise.all([
      ca.issue('api', { ip: ['127.0.0.1'] }),
      ca.issue('operator', { dns: ['operator'] }),
    ])
    const files = {
      'ca.pem': ca.cert,
      'server.pem': server.cert,
      'server.key': server.key,
      'client.pem': client.cert,
      'client.key': client.key,
    }
    for (const [name, text] of Object.entries(files)) await write(name, text)
    const control = await serve('--api-cert', 'server.pem', '--api-key', 'server.key', '--api-client-ca', 'ca.pem')
    const api = control.api.replace('https://', '')
    const trusted = ['--api', api, '--api-ca', 'ca.pem']
    expect(
      await meshgate('proxy-status', ...trusted, '--api-cert', 'client.pem', '--api-key', 'client.key'),
    ).toMatchObject({
      code: 0,
      out: expect.stringMatching(/No proxy is connected/),
    })
    expect((await meshgate('proxy-status', ...trusted)).code).toBe(1)
    expect((await meshgate('proxy-status', '--api', api)).code).toBe(1)
    await control.process.stop()
  })
})

describe('up', () => {
  beforeEach(newFolder)

  const mesh = (httpPort: number, programPort: number) => `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec:
  httpPort: ${httpPort}
  proxies: [{node: ${NODE}}]
  processes:
    - name: demo
      command: [node, -e, "require('net').createServer().listen(${programPort}, '127.0.0.1')"]
      readyPort: ${programPort}
`

  async function up(...args: string[]) {
    const [httpPort, programPort] = (await freePorts(2)) as [number, number]
    await write('meshgate.yaml', mesh(httpPort, programPort))
    const started = await start('up', folder, '--xds', '127.0.0.1:0', '--api', '127.0.0.1:0', ...args)
    await eventually(() => expect(started.out(), started.errors()).toContain('Ctrl-C stops everything'), {
      withinMs: 60_000,
    })
    return { started, httpPort, programPort }
  }

  test('when meshgate is killed, the programs and Envoys it started end too', async () => {
    const { started, httpPort, programPort } = await up('--envoy')
    await Promise.all([portOpen(httpPort), portOpen(programPort)])
    process.kill(started.pid, 'SIGKILL')
    await started.exited
    await eventually(async () => {
      for (const port of [httpPort, programPort]) await expect(portOpen(port, { withinMs: 0 })).rejects.toThrow()
    })
  })

  test('without --envoy the programs run, the summary says how to start Envoys, and a change of the document changes what runs', async () => {
    const { started, httpPort, programPort } = await up()
    await portOpen(programPort)
    expect(started.out()).toMatch(/envoy +1 named; start them with --envoy/)
    const moved = await freePort()
    await write('meshgate.yaml', mesh(httpPort, moved))
    await portOpen(moved)
    await eventually(() => expect(portOpen(programPort, { withinMs: 0 })).rejects.toThrow())
    await started.stop()
  })

  test('when Envoy cannot be had it says how to get it and runs the rest', async () => {
    const [httpPort, programPort] = (await freePorts(2)) as [number, number]
    await write('meshgate.yaml', mesh(httpPort, programPort))
    const args = [...PROGRAM, 'up', folder, '--envoy']
    let out = ''
    const started = await spawnForTest({
      command: process.execPath,
      args: [...args, '--xds', '127.0.0.1:0', '--api', '127.0.0.1:0'],
      env: { PATH: folder, MESHGATE_CACHE: join(folder, 'cache'), HOME: folder },
      onLine: (line, stream) => {
        if (stream === 'stdout') out += `${line}\n`
      },
    })
    await eventually(() => expect(out, started.errors()).toContain('Ctrl-C stops everything'), { withinMs: 60_000 })
    // Another stream: what was said before may be read later.
    await eventually(() => expect(started.errors()).toMatch(/there is no Envoy on this machine/))
    await eventually(() => expect(started.errors()).toMatch(/set ENVOY_BIN to the path of one/))
    expect(out).toMatch(/envoy +1 not started: there is no Envoy/)
    await portOpen(programPort)
    await started.stop()
  })
})
