import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/compiled.ts'
import { eventually } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'

/** The commands, vectors and route of "Writing one" in docs/protocols.md, in their order, as they stand there. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const guide = await readFile(join(root, 'docs/protocols.md'), 'utf8')
const section = guide.slice(guide.indexOf('## Writing one'), guide.indexOf('## Frame'))
const block = (language: string, index = 0) =>
  [...section.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))][index]![1]!
const commands = block('sh').trim().split('\n')

/** A frame of the protocol: varint length of the rest, kind, id, status, method, text. */
function quill(kind: number, id: number, method: string, text: string): Buffer {
  const head = Buffer.alloc(8)
  head[0] = kind
  head.writeUInt32LE(id, 1)
  head.writeUInt16LE(method.length, 6)
  const rest = Buffer.concat([head, Buffer.from(method + text)])
  const length = rest.length < 128 ? [rest.length] : [(rest.length & 0x7f) | 0x80, rest.length >> 7]
  return Buffer.concat([Buffer.from(length), rest])
}

interface Quill {
  readonly kind: number
  readonly id: number
  readonly status: number
  readonly method: string
  readonly text: string
}

function onQuill(socket: Socket, take: (frame: Quill) => void): void {
  let waiting = Buffer.alloc(0)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk])
    for (;;) {
      const two = (waiting[0] ?? 0) > 127
      if (waiting.length < (two ? 2 : 1)) return
      const start = two ? 2 : 1
      const end = start + (two ? (waiting[0]! & 0x7f) | (waiting[1]! << 7) : waiting[0]!)
      if (waiting.length < end) return
      const b = waiting.subarray(start, end)
      const behind = 8 + b.readUInt16LE(6)
      const method = b.toString('utf8', 8, behind)
      take({ kind: b[0]!, id: b.readUInt32LE(1), status: b[5]!, method, text: b.toString('utf8', behind) })
      waiting = waiting.subarray(end)
    }
  })
}

/** A capture of one IPv4 segment without a link layer (LINKTYPE_RAW) to port 9000. */
function capture(payload: Buffer): Buffer {
  const packet = Buffer.concat([
    Buffer.from('450000000001000040060000' + '7f000001' + '7f000001', 'hex'),
    Buffer.from('9c402328' + '00000001' + '00000001' + '50182000' + '00000000', 'hex'),
    payload,
  ])
  packet.writeUInt16BE(packet.length, 2)
  const record = Buffer.alloc(16)
  record.writeUInt32LE(packet.length, 8)
  record.writeUInt32LE(packet.length, 12)
  return Buffer.concat([Buffer.from('d4c3b2a1020004000000000000000000ffff000065000000', 'hex'), record, packet])
}

let folder: string

/** Runs a line of the guide in the folder; `meshgate` is the program of this repository. */
function meshgate(line: string): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve) => {
    const script = `meshgate() { "${process.execPath}" ${PROGRAM.map((part) => `'${part}'`).join(' ')} "$@"; }\n${line}`
    execFile('bash', ['-c', script], { cwd: folder, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out: stdout + stderr })
    })
  })
}

beforeAll(async () => {
  folder = testFolder('walk')
  const frame = quill(1, 7, 'hello', 'ann')
  await writeFile(join(folder, 'vectors.yaml'), block('yaml', 0))
  await writeFile(join(folder, 'frames.bin'), Buffer.concat([frame, quill(2, 7, 'hello', 'x'.repeat(200))]))
  await writeFile(join(folder, 'traffic.pcap'), capture(frame))
})

it('new, check, decode and test of the guide do what it says', async () => {
  const done = []
  for (const line of commands.slice(0, -1)) {
    const result = await meshgate(line)
    expect(result.code, `${line}\n${result.out}`).toBe(0)
    done.push(result.out)
  }
  const [, check, hex, pcap, stdin, vectors] = done
  expect(check).toContain('quill: frames of 9 to 1048576 bytes, connections shared, bound, exclusive')
  expect(hex).toMatch(/@0 17 bytes {2}request id 7[\s\S]*method "hello"[\s\S]*text +"ann"/)
  expect(pcap).toMatch(/127\.0\.0\.1:40000 → 127\.0\.0\.1:9000[\s\S]*request id 7/)
  expect(stdin).toMatch(/request id 7[\s\S]*@17 215 bytes {2}response id 7/)
  expect(vectors).toContain('1 of 1 vectors as expected')
}, 60_000)

it('up runs it: two servers, a split by method, an error reply for a method nobody routes', async () => {
  const servers = ['v1', 'v2'].map((name) =>
    createServer((socket) => onQuill(socket, ({ id, method }) => socket.write(quill(2, id, method, name)))),
  )
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const [a, b] = servers.map((server) => (server.address() as { port: number }).port)
  const [xds, api, edge] = await freePorts(3)
  await writeFile(join(folder, 'route.yaml'), block('yaml', 1))
  await writeFile(
    join(folder, 'mesh.yaml'),
    `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {proxies: [{node: message~127.0.0.1~edge.default~default.svc.cluster.local}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: poets}
spec:
  hosts: [poets]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 7001, name: quill, protocol: TCP}]
  endpoints:
    - {address: 127.0.0.1, ports: {quill: ${a}}, labels: {version: v1}}
    - {address: 127.0.0.1, ports: {quill: ${b}}, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: poets}
spec: {host: poets, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: ${edge}, name: quill-edge, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}]}
`,
  )
  let printed = ''
  const up = await spawnForTest({
    command: process.execPath,
    args: [...PROGRAM, 'up', '.', '--xds', `127.0.0.1:${xds}`, '--api', `127.0.0.1:${api}`],
    cwd: folder,
    onLine: (line) => {
      printed += `${line}\n`
    },
  })
  await eventually(() => expect(printed, up.errors()).toContain('configuration in force'), { withinMs: 60_000 })
  const client = connect(edge!, '127.0.0.1')
  const replies: Quill[] = []
  onQuill(client, (frame) => replies.push(frame))
  for (let id = 1; id <= 400; id++) client.write(quill(1, id, 'hello', 'x'.repeat(id)))
  client.write(quill(1, 999, 'nobody', ''))
  await eventually(() => expect(replies).toHaveLength(401))
  const error = replies.find(({ id }) => id === 999)!
  expect(error).toMatchObject({ kind: 2, method: 'nobody', text: '' })
  expect(error.status).not.toBe(0)
  const split = replies.filter(({ text }) => text === 'v1').length
  expect(Math.abs(split - 300)).toBeLessThan(60)
  expect(replies.filter(({ text }) => text === 'v2')).toHaveLength(400 - split)
  client.destroy()
  for (const server of servers) server.close()
}, 120_000)
