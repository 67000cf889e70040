import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { protocolFile, type ShippedProtocol, shippedCodec, shippedProtocols } from './load.ts'
import { survive } from './suite.ts'
import { parseHex } from './tools/decode.ts'
import { parseVectors } from './tools/vectors.ts'

/**
 * Random and mutated bytes at every codec for as long as one likes: `npx vitest` has no part in it, so it runs some thousand streams
 * a second. What breaks a codec is kept under `<protocol>/seeds/`, where the tests replay it.
 *
 *   npx tsx codecs/fuzz.ts [seconds = 60] [protocol …]
 */
const seconds = Number(process.argv[2] ?? 60)
const names = process.argv.length > 3 ? (process.argv.slice(3) as ShippedProtocol[]) : shippedProtocols
const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x2a, 0x24, 0x4e, 0x52, 0x53]

const any = (n: number) => Math.floor(Math.random() * n)

function mutated(corpus: readonly Uint8Array[]): Uint8Array {
  const list = Array.from({ length: 1 + any(4) }, () => corpus[any(corpus.length)]!)
  let bytes = new Uint8Array(Buffer.concat(list))
  for (let n = any(6); n >= 0; n--) {
    const at = any(bytes.length)
    const action = any(10)
    if (action < 5) bytes[at] = action < 3 ? interesting[any(interesting.length)]! : any(256)
    else if (action < 6) bytes[at]! ^= 1 << any(8)
    else if (action < 7) bytes = bytes.slice(0, at + 1)
    else if (action < 8)
      bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(any(bytes.length))]))
    else if (action < 9) for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = any(2) * 255
    else bytes = Uint8Array.from({ length: 1 + any(200) }, () => any(256))
    if (bytes.length === 0) bytes = Uint8Array.of(any(256))
  }
  return bytes
}

let failed = 0
for (const name of names) {
  const codec = await shippedCodec(name)
  const { vectors } = parseVectors(readFileSync(protocolFile(name, 'vectors.yaml'), 'utf8'))
  const corpus = vectors.map(({ hex }) => parseHex(hex))
  const until = Date.now() + (seconds * 1000) / names.length
  let streams = 0
  const seen = new Set<string>()
  while (Date.now() < until) {
    const bytes = mutated(corpus)
    streams++
    try {
      survive(codec, bytes, [1 + any(9), 1 + any(40)])
    } catch (error) {
      const what = (error as Error).message.split('\n')[0]!
      if (seen.has(what)) continue
      seen.add(what)
      failed++
      const folder = protocolFile(name, 'seeds')
      mkdirSync(folder, { recursive: true })
      const file = join(folder, `${what.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)}-${streams}.hex`)
      writeFileSync(file, `${Buffer.from(bytes).toString('hex')}\n`)
      console.log(`${name}: ${what}\n  ${file}`)
    }
  }
  console.log(`${name}: ${streams} streams, ${seen.size} ways to fail`)
}
process.exitCode = failed > 0 ? 1 : 0
