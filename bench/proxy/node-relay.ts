/**
 * What Node itself costs: a relay of game frames of one size that knows no routes, checks nothing, counts nothing and keeps nothing. It reads as the
 * proxy does, copies each frame once to where it goes, and writes once for each destination and turn. A proxy in Node that does more for a
 * message costs more.
 *
 * `node-relay.ts BYTES PORT...`, a port for each service; prints its own port and process as one JSON line.
 */
import { connect, createServer, type Socket } from 'node:net'
import { takeOver } from '../../sockets/read.ts'

const size = Number(process.argv[2])
const ports = process.argv.slice(3).map(Number)
const pieceBytes = 65_536
/** As much as a destination gets in one turn at most: all that the load has in flight. */
const stageBytes = 1 << 20
/** What is read, and room for the end of the read before. */
const memory = Buffer.allocUnsafeSlow(pieceBytes + size)
const piece = memory.subarray(0, pieceBytes)
const bytes = new Uint8Array(memory.buffer)

let scheduled = false
const dirty: Destination[] = []
function flushAll(): void {
  scheduled = false
  for (const destination of dirty) destination.flush()
  dirty.length = 0
}

const stages: Buffer[] = []
class Destination {
  readonly #socket: Socket
  #stage: Buffer | undefined
  #bytes: Uint8Array = bytes
  #used = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  add(at: number): void {
    if (!this.#stage) {
      this.#stage = stages.pop() ?? Buffer.allocUnsafeSlow(stageBytes)
      this.#bytes = new Uint8Array(this.#stage.buffer)
      dirty.push(this)
      if (!scheduled) {
        scheduled = true
        setImmediate(flushAll)
      }
    }
    this.#bytes.set(new Uint8Array(bytes.buffer, at, size), this.#used)
    this.#used += size
  }

  flush(): void {
    const stage = this.#stage!
    this.#socket.write(stage.subarray(0, this.#used))
    if (this.#socket.writableLength === 0) stages.push(stage)
    this.#stage = undefined
    this.#used = 0
  }
}

/** Gives `take` the place of each frame; the rest of a read is put before the next one. */
function cut(take: (at: number) => void) {
  const rest = new Uint8Array(size)
  let have = 0
  return {
    buffer: piece,
    callback: (count: number) => {
      if (have > 0) {
        bytes.copyWithin(have, 0, count)
        bytes.set(rest.subarray(0, have))
      }
      const end = have + count
      let at = 0
      for (; at + size <= end; at += size) take(at)
      have = end - at
      if (have > 0) rest.set(bytes.subarray(at, end))
      return true
    },
  }
}

const number = (at: number) => memory.readUInt32BE(at)
const messageAt = 8
/** The load writes the number of its connection there. */
const clientAt = 28

const clients: Destination[] = []
const services = ports.map((port) => {
  const onread = cut((at) => clients[number(at + clientAt)]!.add(at))
  return new Destination(connect({ host: '127.0.0.1', port, noDelay: true, onread }))
})

const server = createServer({ noDelay: true }, (accepted) => {
  let known = false
  const onread = cut((at) => {
    if (!known) clients[number(at + clientAt)] = client
    known = true
    services[number(at + messageAt) % services.length]!.add(at)
  })
  const socket = takeOver(accepted, onread)
  if (!socket) throw new Error('this Node gives no handle away')
  socket.on('error', () => socket.destroy())
  const client = new Destination(socket)
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  const { port } = server.address() as { port: number }
  console.log(JSON.stringify({ port, pids: [process.pid] }))
})
process.on('SIGTERM', () => process.exit(0))
