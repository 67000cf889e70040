import { readFileSync } from 'node:fs'
import { type Codec, emptyFrame, emptyRef } from '../codecs/contract.ts'
import { codec as handGame } from '../codecs/game/codec.ts'
import { protocolFile, type ShippedProtocol, shippedCodec, shippedProtocols } from '../codecs/load.ts'
import { codec as handThrift } from '../codecs/thrift/codec.ts'
import { parseHex } from '../codecs/tools/decode.ts'
import { parseVectors } from '../codecs/tools/vectors.ts'

/**
 * What a codec costs per message: CPU ns per call of `frameLength`, `inspect`, `read` of a routing field and writing an id. Compiled
 * documents beside the same protocol written by hand. All codecs run before any is measured, so that call sites have seen them all,
 * as in a proxy of many protocols.
 *
 *   npx tsx bench/codecs.ts
 */
const routing: Record<ShippedProtocol, string> = {
  game: 'msgid',
  thrift: 'name',
  dubbo: 'service',
  bolt: 'service',
  brpc: 'service',
  trpc: 'callee',
  pomelo: 'route',
  mqtt: 'topic',
  redis: 'key',
}
const samples: Partial<Record<ShippedProtocol, string>> = {
  game: 'push',
  thrift: 'binary-call',
  mqtt: 'publish-qos1',
  redis: 'client-bytes-1',
}

interface Subject {
  readonly name: string
  readonly codec: Codec
  readonly frame: Uint8Array
  readonly field: string
}

async function subjects(): Promise<Subject[]> {
  const list: Subject[] = []
  for (const name of shippedProtocols) {
    const { vectors } = parseVectors(readFileSync(protocolFile(name, 'vectors.yaml'), 'utf8'))
    const wanted = samples[name]
    const vector = vectors.find((one) => (wanted ? one.name === wanted : one.frames?.[0]?.kind === 'request'))
    if (!vector) throw new Error(`${name} has no vector to measure`)
    const frame = parseHex(vector.hex)
    list.push({ name, codec: await shippedCodec(name), frame, field: routing[name] })
    if (name === 'game') list.push({ name: 'game, by hand', codec: handGame, frame, field: 'msgid' })
    if (name === 'thrift') list.push({ name: 'thrift, by hand', codec: handThrift, frame, field: 'name' })
  }
  return list
}

const frame = emptyFrame()
const ref = emptyRef()
let sink = 0

/** Calls on a stream of 64 equal frames, as in a read chunk. */
const operations = {
  frameLength: ({ codec }: Subject, stream: Uint8Array, length: number, at: number) => {
    sink += codec.frameLength(stream, at, stream.length)
    return length
  },
  inspect: ({ codec }: Subject, stream: Uint8Array, length: number, at: number) => {
    sink += codec.inspect(stream, at, length, frame) + frame.idLo
  },
  read: ({ codec }: Subject, stream: Uint8Array, length: number, at: number, slot: number) => {
    if (codec.read(slot, stream, at, length, ref)) sink += ref.lo + ref.start
  },
  id: ({ codec }: Subject, stream: Uint8Array, length: number, at: number, _slot: number, n: number) => {
    if (!codec.writeId?.(stream, at, length, n & 0x7fff, 0))
      sink += codec.spliceId?.(stream, at, length, n & 0x7fff, 0)?.length ?? 0
  },
} as const
type Operation = keyof typeof operations

function measure(subject: Subject, operation: Operation, calls: number): number {
  const length = subject.frame.length
  const stream = new Uint8Array(64 * length)
  for (let i = 0; i < 64; i++) stream.set(subject.frame, i * length)
  const slot = subject.codec.slot(subject.field)
  const run = operations[operation]
  const before = process.cpuUsage()
  for (let n = 0; n < calls; n++) run(subject, stream, length, (n & 63) * length, slot, n)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / calls
}

const list = await subjects()
const names = Object.keys(operations) as Operation[]
for (const operation of names) for (const subject of list) measure(subject, operation, 50_000)
const results = list.map((subject) => {
  const row: Record<string, string | number> = { codec: subject.name, bytes: subject.frame.length }
  for (const operation of names) {
    if (operation === 'id' && !subject.codec.writeId && !subject.codec.spliceId) continue
    const rounds = Array.from({ length: 5 }, () => measure(subject, operation, 400_000)).sort((a, b) => a - b)
    // The median: the machine may be shared.
    row[operation] = Math.round(rounds[2]! * 10) / 10
  }
  return row
})
console.table(results)
console.log(
  JSON.stringify({ bench: 'codecs', unit: 'CPU ns per call', node: process.version, results, sink: sink > 0 }),
)
