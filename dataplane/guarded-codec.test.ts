import { expect, it, onTestFinished, vi } from 'vitest'
import { codec as game } from '../codecs/game/codec.ts'
import { guarded } from './guarded-codec.ts'

it('what a codec throws where it writes is a frame that cannot be written; what it reads with is as it was, also of an instance of a class', () => {
  const said = vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  onTestFinished(() => void said.mockRestore())
  const bytes = new Uint8Array(64)
  const fault = (): never => {
    throw new Error('a fault')
  }
  const instance: typeof game = Object.create({ ...game, writeId: fault, spliceId: fault, mutate: fault, reply: fault })
  const codec = guarded(instance)
  expect(codec.writeId!(bytes, 0, 64, 1, 0)).toBe(false)
  expect(codec.spliceId!(bytes, 0, 64, 1, 0)).toBeUndefined()
  expect(codec.mutate!(bytes, 0, 64, [])).toBeUndefined()
  expect(codec.reply!('error', bytes, 0, 64, 1, '')).toBeUndefined()
  expect(codec.frameLength(bytes, 0, 64)).toBe(game.frameLength(bytes, 0, 64))
  expect(codec.modes).toBe(game.modes)
})
