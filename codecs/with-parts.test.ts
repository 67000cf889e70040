import { expect, test } from 'vitest'
import type { Codec } from './contract.ts'
import { codec as game } from './game/codec.ts'
import { withParts } from './with-parts.ts'

/** A class that keeps all it has where nobody else can read it. */
class Private {
  readonly #inner: Codec
  #fields: Codec['fields'] = []
  constructor(inner: Codec) {
    this.#inner = inner
  }
  get name() {
    return this.#inner.name
  }
  get modes() {
    return this.#inner.modes
  }
  get fields() {
    return this.#fields
  }
  slot(name: string) {
    this.#fields = this.#inner.fields
    return this.#inner.slot(name)
  }
  frameLength(...args: Parameters<Codec['frameLength']>) {
    return this.#inner.frameLength(...args)
  }
}
class Derived extends Private {
  readonly headerMin = 24
}

test('a codec with another part is in all else the codec itself, also an instance of a class with private fields', () => {
  const codec = withParts(new Derived(game) as unknown as Codec, { name: 'mine' })
  expect([codec.name, codec.modes, codec.headerMin]).toEqual(['mine', game.modes, 24])
  const bytes = Uint8Array.of(0, 0, 0, 24, 0x4d, 0x47, 1, 0, ...new Uint8Array(16))
  expect(codec.frameLength(bytes, 0, 24)).toBe(24)
  expect(codec.fields).toEqual([])
  expect(codec.slot('msgid')).toBe(game.slot('msgid'))
  expect(codec.fields).toBe(game.fields)
  expect(codec.writeId).toBeUndefined()
  // Also of one that has parts of its own already.
  expect(withParts(codec, { trace: 1 })).toMatchObject({ name: 'mine', trace: 1, headerMin: 24, modes: game.modes })
})
