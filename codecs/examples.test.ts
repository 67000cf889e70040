import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { codecOfSide, frameSides } from './contract.ts'
import { checkProtocols } from './document.ts'
import { codecSuite } from './suite.ts'
import { cutAs, survive } from './survive.ts'
import { parseHex } from './tools/decode.ts'
import { parseVectors, runVectors } from './tools/vectors.ts'

/** The documents of `examples/protocols`, which is a folder of configuration; their vectors are not, and lie here. */
const documents = new URL('../examples/protocols/', import.meta.url)
const knownBytes = new URL('examples/', import.meta.url)
const names = readdirSync(documents).flatMap((file) => /^(\w+)\.yaml$/.exec(file)?.[1] ?? [])

test('every example has vectors', () => {
  expect(names.length).toBeGreaterThan(5)
  const files = readdirSync(knownBytes).filter((file) => file !== 'seeds')
  expect(files.sort()).toEqual(names.map((name) => `${name}.vectors.yaml`).sort())
})

for (const name of names) {
  const file = new URL(`${name}.yaml`, documents)
  const [document] = checkProtocols(readFileSync(file, 'utf8'))
  const codec = document?.codec
  const vectors = parseVectors(readFileSync(new URL(`${name}.vectors.yaml`, knownBytes), 'utf8'))

  test(`${name}: the document has nothing to complain of`, () => {
    expect(document?.issues).toEqual([])
    expect(document?.name).toBe(name)
    expect(vectors.protocol).toBe(name)
  })
  if (!codec) continue

  describe(`${name}: known bytes`, () => {
    test.each(runVectors(codec, vectors).map((result) => [result.name, result] as const))('%s', (_, { failures }) => {
      expect(failures).toEqual([])
    })
  })

  const seeds = new URL(`seeds/${name}/`, knownBytes)
  describe.skipIf(!existsSync(seeds))(`${name}: bytes that once went wrong`, () => {
    test.each((existsSync(seeds) ? readdirSync(seeds) : []).map((seed) => [seed]))('%s', (seed) => {
      const bytes = parseHex(readFileSync(new URL(seed, seeds), 'utf8'))
      for (const side of codec.upstream ? frameSides : (['client'] as const))
        for (const sizes of [[1], [2, 3], [7], [64], ...cutAs(seed)])
          survive(codecOfSide(codec, side), bytes, sizes, side === 'client' ? {} : { reader: codec })
    })
  })

  const sides = codec.upstream ? frameSides : (['client'] as const)
  for (const side of sides) {
    const own = codecOfSide(codec, side)
    const corpus = vectors.vectors
      .filter(({ from = 'client' }) => sides.length === 1 || from === side)
      .filter(({ error, needs, frames }) => !error && needs === undefined && !frames?.some(({ problem }) => problem))
      .flatMap(({ hex }) => framesOf(own, parseHex(hex)))
    const reader = side === 'upstream' ? { reader: codec } : {}
    codecSuite(sides.length === 1 ? name : `${name}, from the ${side}`, own, corpus, { runs: 60, ...reader })
  }
}

/** The frames of a vector, which may have several. */
function framesOf(codec: NonNullable<ReturnType<typeof checkProtocols>[number]['codec']>, bytes: Uint8Array) {
  const frames: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = codec.frameLength(bytes, at, bytes.length)
    if (length <= 0 || length > bytes.length - at) throw new Error('a vector is not made of whole frames')
    frames.push(bytes.slice(at, at + length))
    at += length
  }
  return frames
}
