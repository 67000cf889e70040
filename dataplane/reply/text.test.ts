import { expect, it, onTestFinished, vi } from 'vitest'
import { codec } from '../../codecs/game/codec.ts'
import { reportCodecError } from './text.ts'

it('what a codec throws is said ten times, whoever sends how many such frames; another codec has its own ten', () => {
  const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => written.mockRestore())
  const [one, other] = [
    { ...codec, name: 'one' },
    { ...codec, name: 'other' },
  ]
  for (let n = 0; n < 100; n++) reportCodecError(one, 'a fault')
  reportCodecError(other, new Error('another fault'))
  const lines = written.mock.calls.map(([text]) => String(text))
  expect(lines.slice(0, -1)).toEqual(Array(10).fill('codec one threw: a fault\n'))
  expect(lines.at(-1)).toContain('codec other threw: Error: another fault')
})
