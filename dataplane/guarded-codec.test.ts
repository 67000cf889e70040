import { expect, it, onTestFinished, vi } from 'vitest'
import { codec as game } from '../codecs/game/codec.ts'
import { guarded } from './guarded-codec.ts'

it('what a codec throws where it writes is a frame that cannot be written, where it is asked for a field there is none; what it reads with is as it was, also of an instance of a class with private fields', () => {
  const said = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  onTestFinished(() => void said.mockRestore())
  const bytes = new Uint8Array(64)
  const fault = (): never => {
    throw new Error('a fault')
  }
  class Private {
    readonly #inner = game
    readonly modes = game.modes
    frameLength(...args: Parameters<typeof game.frameLength>) {
      return this.#inner.frameLength(...args)
    }
  }
  const parts = { slot: fault, writeId: fault, spliceId: fault, mutate: fault, reply: fault }
  const codec = guarded(Object.assign(new Private(), parts) as unknown as typeof game)
  expect(codec.slot('uid')).toBe(-1)
  expect(codec.writeId!(bytes, 0, 64, 1, 0)).toBe(false)
  expect(codec.spliceId!(bytes, 0, 64, 1, 0)).toBeUndefined()
  expect(codec.mutate!(bytes, 0, 64, [])).toBeUndefined()
  expect(codec.reply!('error', bytes, 0, 64, 1, '')).toBeUndefined()
  expect(codec.frameLength(bytes, 0, 64)).toBe(game.frameLength(bytes, 0, 64))
  expect(codec.modes).toBe(game.modes)
})
