import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorText } from '../errors/thrown.ts'
import { type Codec, codecOfSide, frameSides } from './contract.ts'
import { checkProtocols } from './document.ts'
import { protocolFile, type ShippedProtocol, shippedCodec, shippedProtocols } from './load.ts'
import { mutated, random } from './mutated.ts'
import { survive } from './survive.ts'
import { parseHex } from './tools/decode.ts'
import { parseVectors } from './tools/vectors.ts'

/**
 * Random and mutated bytes at every codec for as long as one likes: `npx vitest` has no part in it, so it runs some thousand streams
 * a second. What breaks a codec is kept under `<protocol>/seeds/` (of the examples: `examples/seeds/`), where the tests replay it, cut as it was. Each protocol draws from the
 * seed by itself, so that it gets the same streams in the same order whatever else is tried and however fast the machine is.
 *
 *   [MESHGATE_SEED=N] npx tsx codecs/fuzz.ts [seconds = 60] [protocol …]
 *
 * Protocols are those that are shipped, and the documents of `examples/protocols`.
 */
const seconds = Number(process.argv[2] ?? 60)
const documents = fileURLToPath(new URL('../examples/protocols/', import.meta.url))
const known = fileURLToPath(new URL('examples/', import.meta.url))
const examples = readdirSync(documents).map((file) => basename(file, '.yaml'))
const names = process.argv.length > 3 ? process.argv.slice(3) : [...shippedProtocols, ...examples]
const seed = Number(process.env['MESHGATE_SEED'] ?? Date.now() % 2 ** 31)

const isShipped = (name: string): name is ShippedProtocol => shippedProtocols.some((shipped) => shipped === name)

interface Subject {
  readonly codec: Codec
  readonly vectors: string
  readonly seeds: string
}

async function subjectOf(name: string): Promise<Subject> {
  if (isShipped(name))
    return {
      codec: await shippedCodec(name),
      vectors: protocolFile(name, 'vectors.yaml'),
      seeds: protocolFile(name, 'seeds'),
    }
  const file = join(documents, `${name}.yaml`)
  const [document] = checkProtocols(readFileSync(file, 'utf8'), file)
  if (!document?.codec) throw new Error(`${file} has errors`)
  return { codec: document.codec, vectors: join(known, `${name}.vectors.yaml`), seeds: join(known, 'seeds', name) }
}

// Before anything can hang.
console.log(`seed ${seed}`)
let failed = 0
for (const name of names) {
  const { codec, vectors: file, seeds } = await subjectOf(name)
  const { vectors } = parseVectors(readFileSync(file, 'utf8'))
  const corpus = vectors.map(({ hex }) => parseHex(hex))
  const sides = codec.upstream ? frameSides : (['client'] as const)
  const test = isShipped(name) ? 'codecs/protocols.test.ts' : 'codecs/examples.test.ts'
  const any = random(seed)
  const until = Date.now() + (seconds * 1000) / names.length
  let streams = 0
  const seen = new Set<string>()
  while (Date.now() < until) {
    const bytes = mutated(corpus, any)
    const sizes = [1 + any(9), 1 + any(40)]
    streams++
    try {
      for (const side of sides)
        survive(codecOfSide(codec, side), bytes, sizes, side === 'client' ? {} : { reader: codec })
    } catch (error) {
      const what = errorText(error).split('\n')[0]!
      if (seen.has(what)) continue
      seen.add(what)
      failed++
      mkdirSync(seeds, { recursive: true })
      const file = join(
        seeds,
        `${what.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)}-${streams}-cut-${sizes.join('-')}.hex`,
      )
      writeFileSync(file, `${Buffer.from(bytes).toString('hex')}\n`)
      console.log(
        `${name}: ${what}\n  ${file}\n  this stream again: npx vitest run ${test} -t '${basename(file)}'\n` +
          `  all up to it, the last of ${streams}, again: MESHGATE_SEED=${seed} npx tsx codecs/fuzz.ts ${Math.ceil((3 * seconds) / names.length)} ${name}`,
      )
    }
  }
  console.log(`${name}: ${streams} streams, ${seen.size} ways to fail (seed ${seed})`)
}
process.exitCode = failed > 0 ? 1 : 0
