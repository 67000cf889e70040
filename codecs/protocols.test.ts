import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkProtocols } from './document.ts'
import { protocolFile, type ShippedProtocol, shippedCodec, shippedProtocols } from './load.ts'
import { codecSuite, type SuiteOptions } from './suite.ts'
import { cutAs, survive } from './survive.ts'
import { parseHex } from './tools/decode.ts'
import { parseVectors, runVectors } from './tools/vectors.ts'

const options: Partial<Record<ShippedProtocol, SuiteOptions>> = {
  game: { lengthField: { at: 0, bytes: 4 } },
  thrift: { lengthField: { at: 0, bytes: 4 } },
  dubbo: { lengthField: { at: 12, bytes: 4 } },
  brpc: { lengthField: { at: 4, bytes: 4 } },
  trpc: { lengthField: { at: 4, bytes: 4 } },
  pomelo: { lengthField: { at: 1, bytes: 3 } },
  bolt: { lengthField: { at: 18, bytes: 4 } },
}

for (const name of shippedProtocols) {
  const codec = await shippedCodec(name)
  const file = parseVectors(readFileSync(protocolFile(name, 'vectors.yaml'), 'utf8'))
  const corpus = file.vectors
    .filter(({ error, needs }) => !error && needs === undefined)
    .map(({ hex }) => parseHex(hex))

  describe(`${name}: known bytes`, () => {
    test('the document has nothing to complain of', () => {
      const [document] = checkProtocols(readFileSync(protocolFile(name), 'utf8'))
      expect(document?.issues.filter(({ severity }) => severity === 'error')).toEqual([])
      expect(document?.name).toBe(name)
    })

    test.each(runVectors(codec, file).map((result) => [result.name, result] as const))('%s', (_, { failures }) => {
      expect(failures).toEqual([])
    })
  })

  const seeds = protocolFile(name, 'seeds')
  describe.skipIf(!existsSync(seeds))(`${name}: bytes that once went wrong`, () => {
    test.each((existsSync(seeds) ? readdirSync(seeds) : []).map((seed) => [seed]))('%s', (seed) => {
      const bytes = parseHex(readFileSync(protocolFile(name, `seeds/${seed}`), 'utf8'))
      for (const sizes of [[1], [2, 3], [7], [64], ...cutAs(seed)]) survive(codec, bytes, sizes)
    })
  })

  codecSuite(name, codec, corpus, options[name])
}
