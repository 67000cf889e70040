/**
 * How long people wait. `npm start` until the first 200 through gateway and sidecar, beside what a bare Node and a bare Envoy
 * take to start in the same run; and an Envoy from its start, and from its connection, until it is ready over ADS, beside the
 * same Envoy with the static file of `meshgate translate`.
 *
 * `npm run bench:start [-- --runs 5 --services 10,200,1000 -o json]`
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { translateFolder } from '../cli/commands/translate-folder.ts'
import { startProcess } from '../cli/processes/process.ts'
import { ensureEnvoy } from '../cli/tools/envoy.ts'
import { XdsServer } from '../controlplane/ads/index.ts'
import { envoyBootstrap } from '../controlplane/bootstrap/envoy.ts'
import { LiveConfig } from '../controlplane/live-config.ts'
import { createMesh } from '../controlplane/mesh.ts'
import { FileStore } from '../controlplane/sources/index.ts'
import { startEnvoy } from '../test/helpers/envoy.ts'
import { freePort, freePorts } from '../test/helpers/ports.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { median, report, round } from './measure.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = promisify(execFile)
const NODE = 'sidecar~127.0.0.1~web.default~default.svc.cluster.local'
/** The quickstart's ports, and those it would take by default. */
const PORTS = ['15080', '8088', '15000', '15010'].concat(
  ['81', '82', '83', '84', '85', '91', '92', '93', '94', '95'].map((end) => `190${end}`),
)

/** A copy of the package whose quickstart listens on free ports. Returns the folder and the port of the gateway. */
async function copyOfPackage(): Promise<{ folder: string; gatewayPort: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  for (const name of ['dist', 'node_modules', 'proto']) await symlink(join(root, name), join(folder, name))
  await cp(join(root, 'examples/quickstart'), join(folder, 'examples/quickstart'), { recursive: true })
  const free = await freePorts(PORTS.length)
  const renumber = (text: string) =>
    PORTS.reduce((all, port, index) => all.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), String(free[index])), text)
  const example = join(folder, 'examples/quickstart')
  for (const name of await readdir(example))
    await writeFile(join(example, name), renumber(await readFile(join(example, name), 'utf8')))
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }
  const start = `${manifest.scripts.start} --xds 127.0.0.1:0 --api 127.0.0.1:0`
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...manifest, scripts: { start } }))
  return { folder, gatewayPort: free[PORTS.indexOf('8088')]! }
}

function statusOf(port: number): Promise<number> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/', timeout: 2000 }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', () => resolve(0))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => resolve(0))
    call.end()
  })
}

/** `npm start` in the folder until the gateway answers 200, ms. @throws Error with its words when it ends before */
async function npmStart(folder: string, gatewayPort: number): Promise<number> {
  const started = performance.now()
  const up = await startProcess({ command: 'npm', args: ['start', '--silent'], cwd: folder })
  try {
    while ((await statusOf(gatewayPort)) !== 200) {
      if (!up.running || performance.now() - started > 60_000) throw new Error(`no 200 from npm start:\n${up.errors()}`)
      await sleep(5)
    }
    return performance.now() - started
  } finally {
    await up.stop(10_000)
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

interface EnvoyStart {
  readonly services: number
  /** From the start of the process to LIVE, ms, with a file and over ADS. */
  readonly fixed: number
  readonly delta: number
  readonly sotw: number
  /** From the stream's begin to LIVE, ms; Envoy's own start is not in it. */
  readonly deltaConnected: number
  readonly sotwConnected: number
}

/** Medians over `runs` starts of an Envoy in a mesh of so many services. */
async function envoyStart(services: number, runs: number): Promise<EnvoyStart> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  const port = await freePort()
  await writeFile(join(folder, 'mesh.yaml'), meshOf(services, port))
  const mesh = createMesh()
  const config = new LiveConfig(new FileStore({ paths: folder }), mesh)
  await config.start()
  const server = new XdsServer(mesh)
  const { port: xdsPort } = await server.listen('127.0.0.1:0')
  const { result } = await translateFolder(folder, { id: NODE }, { type: 'all', format: 'envoy' })
  const times = {
    fixed: [] as number[],
    delta: [] as number[],
    sotw: [] as number[],
    deltaConnected: [] as number[],
    sotwConnected: [] as number[],
  }
  try {
    for (let index = 0; index < runs; index++) {
      const begun = performance.now()
      const peer = await startEnvoy({ bootstrap: result })
      times.fixed.push(performance.now() - begun)
      await peer.stop()
      for (const mode of ['delta', 'sotw'] as const) {
        const started = performance.now()
        const bootstrap = envoyBootstrap({ node: { id: NODE }, xds: { host: '127.0.0.1', port: xdsPort }, mode })
        const envoy = await startEnvoy({ bootstrap })
        const live = { at: performance.now(), date: Date.now() }
        times[mode].push(live.at - started)
        const connectedAt = Math.max(...server.status.clients().map((client) => client.connectedAt))
        times[`${mode}Connected`].push(live.date - connectedAt)
        await envoy.stop()
      }
    }
  } finally {
    await server.stop()
    await config.stop()
    await rm(folder, { recursive: true, force: true })
  }
  const figures = Object.entries(times).map(([name, list]) => [name, Math.round(median(list))])
  return { services, ...(Object.fromEntries(figures) as Omit<EnvoyStart, 'services'>) }
}

function meshOf(services: number, httpPort: number): string {
  const entries = Array.from(
    { length: services },
    (_, index) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: svc${index}}
spec:
  hosts: [svc${index}.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: 9}}, {address: 127.0.0.2, ports: {http: 9}}]
`,
  )
  return `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: ${httpPort}}\n${entries.join('')}`
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '5' },
      services: { type: 'string', default: '10,200,1000' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  })
  const runs = Number(values.runs)
  await ensureEnvoy((line) => process.stderr.write(`${line}\n`))
  await run('npm', ['run', '-s', 'build'], { cwd: root })
  const bare = { node: [] as number[], envoy: [] as number[], start: [] as number[] }
  const { folder, gatewayPort } = await copyOfPackage()
  try {
    for (let index = 0; index < runs; index++) {
      bare.start.push(await npmStart(folder, gatewayPort))
      bare.node.push(await timed(() => run(process.execPath, ['-e', ''])))
      const empty = { static_resources: {} }
      const started = performance.now()
      const envoy = await startEnvoy({ bootstrap: empty })
      bare.envoy.push(performance.now() - started)
      await envoy.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  const start = Math.round(median(bare.start))
  const rows = [
    { what: 'npm start → first 200', ms: start },
    { what: 'peer: node, empty program', ms: Math.round(median(bare.node)) },
    { what: 'peer: Envoy, empty file, until LIVE', ms: Math.round(median(bare.envoy)) },
  ]
  if (values.output !== 'json') console.table(rows)
  const envoys: EnvoyStart[] = []
  for (const services of values.services.split(',')) envoys.push(await envoyStart(Number(services), runs))
  const table = envoys.map((one) => ({ ...one, 'delta / fixed': round(one.delta / one.fixed) }))
  await report(table, { bench: 'start', runs, start: rows, envoys: table }, values.output)
  await stopEverything()
}

await main()
