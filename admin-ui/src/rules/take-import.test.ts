import { expect, it } from 'vitest'
import type { Draft } from '../change/drafts.ts'
import { readImport } from './import.ts'
import { takeImport } from './take-import.ts'

const rule = (name: string, connections: number) => `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}, namespace: shop}
spec: {host: ${name}, trafficPolicy: {connectionPool: {tcp: {maxConnections: ${connections}}}}}
`
const KNOWN = `# kept\n${rule('cart', 10)}`
const listed = { files: [{ file: 'cart.yaml' }], revision: 7 }

/** What becomes of documents: all drafts there are then, and the files that were asked for. */
async function taken(text: string, begun: readonly Draft[] = []) {
  const held = new Map(begun.map((one) => [one.file, one]))
  const asked: string[] = []
  const documents = readImport(text, {
    kinds: new Set(['DestinationRule']),
    defaultNamespace: 'default',
    fileOf: (key) => (key === 'DestinationRule/shop/cart' ? 'cart.yaml' : undefined),
    newFile: 'imported.yaml',
  })
  const drafts = {
    get: (file: string) => held.get(file),
    put: (one: Draft) => {
      held.set(one.file, one)
      return true
    },
  }
  const made = await takeImport(documents, listed, drafts, async (file) => {
    asked.push(file)
    return { text: KNOWN, revision: 5 }
  })
  return { made, held, asked }
}

it('what is new comes into a new file; the control plane is not asked for one it does not have', async () => {
  const { made, asked } = await taken(rule('pay', 1))
  expect(made).toMatchObject([{ file: 'imported.yaml', base: 7, baseText: undefined }])
  expect(made[0]!.text).toContain('name: pay')
  expect(asked).toEqual([])
})

it('what is there is changed where it stands, on the revision it was read of; its comments stay', async () => {
  const { made, held } = await taken(rule('cart', 99))
  expect(made).toMatchObject([{ file: 'cart.yaml', base: 5, baseText: KNOWN }])
  expect(held.get('cart.yaml')!.text).toBe(KNOWN.replace('10', '99'))
})

it('a draft of the file is gone on from, not thrown away', async () => {
  const begun = { file: 'cart.yaml', base: 4, baseText: KNOWN, text: `# mine\n${KNOWN}`, savedAt: 0 }
  const { made, asked } = await taken(rule('cart', 99), [begun])
  expect(made).toMatchObject([{ base: 4, baseText: KNOWN, text: `# mine\n${KNOWN}`.replace('10', '99') }])
  expect(asked).toEqual([])
})

it('nothing is made of what is there already', async () => {
  expect((await taken(rule('cart', 10))).made).toEqual([])
})
