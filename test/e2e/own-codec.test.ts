import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/compiled.ts'
import { eventually, IN_THE_END_MS } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'

/** A protocol no layout can say: its codec is a module beside the document, and routes match by the fields it reads. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const servers: Server[] = []
let folder: string
let port: number
let printed = ''
let xds: number
let api: number

/** Answers each line with its own name. */
async function quoteServer(name: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.on('data', (data) => {
      for (const line of data.toString().split('\n').slice(0, -1)) socket.write(`${name} ${line}\n`)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  servers.push(server)
  return (server.address() as { port: number }).port
}

/** The line that answers a line. */
function ask(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\n`))
    socket.setTimeout(IN_THE_END_MS, () => socket.destroy(new Error(`no answer to ${line}`)))
    socket.on('error', reject)
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString().trimEnd())
    })
  })
}

const service = (name: string, upstream: number) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.example]
  resolution: STATIC
  ports: [{number: 7000, name: quotes, protocol: TCP}]
  endpoints: [{address: 127.0.0.1, ports: {quotes: ${upstream}}}]
`

beforeAll(async () => {
  folder = testFolder('codec')
  ;[port, xds, api] = (await freePorts(3)) as [number, number, number]
  await mkdir(join(folder, 'protocols'))
  await copyFile(join(root, 'test/e2e/programs/quotes-codec.mjs'), join(folder, 'protocols/quotes-codec.mjs'))
  await writeFile(
    join(folder, 'protocols/quotes.yaml'),
    `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: quotes}
spec:
  module: ./quotes-codec.mjs
  fields: {verb: {}, symbol: {}}
  connections: [exclusive]
`,
  )
  await writeFile(
    join(folder, 'mesh.yaml'),
    `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {proxies: [{node: message~127.0.0.1~edge.default~default.svc.cluster.local}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: ${port}, name: quotes, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}]}
${service('stocks', await quoteServer('stocks'))}${service('bonds', await quoteServer('bonds'))}---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: stocks}
spec: {match: [{symbol: {prefix: S-}}], svrName: stocks.example, port: 7000}
---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: bonds}
spec: {match: [{symbol: {prefix: B-}}], svrName: bonds.example, port: 7000}
`,
  )
  const up = await spawnForTest({
    command: process.execPath,
    args: [
      [...PROGRAM, 'up', folder],
      ['--xds', `127.0.0.1:${xds}`, '--api', `127.0.0.1:${api}`],
    ].flat(),
    cwd: root,
    onLine: (line) => {
      printed += `${line}\n`
    },
  })
  await eventually(() => expect(printed, up.errors()).toContain('configuration in force'), { withinMs: 60_000 })
})
afterAll(async () => {
  for (const server of servers) server.close()
})

it('messages go where the fields that the code reads say, and get its error replies', async () => {
  expect(await ask('GET S-1')).toBe('stocks GET S-1')
  expect(await ask('GET B-1')).toBe('bonds GET B-1')
  expect(await ask('GET X-1')).toBe('!404')
})

it('a proxy without the code refuses the protocol and says how to start it', async () => {
  const node = 'message~127.0.0.1~other.default~default.svc.cluster.local'
  let said = ''
  await spawnForTest({
    command: process.execPath,
    args: [
      [...PROGRAM, 'proxy'],
      ['--node', node, '--xds', `127.0.0.1:${xds}`],
    ].flat(),
    cwd: root,
    onLine: (line) => {
      said += `${line}\n`
    },
  })
  const status = async () => JSON.stringify(await (await fetch(`http://127.0.0.1:${api}/api/v1/proxies`)).json())
  await eventually(async () => expect(await status(), said).toContain('--codec quotes=FILE'), { everyMs: 100 })
})
