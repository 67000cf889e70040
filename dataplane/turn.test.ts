import { expect, it } from 'vitest'
import { afterTurn, arrived, flushLater } from './turn.ts'

const endOfTurn = () => new Promise(setImmediate)
const step = 64 * 1024

it('writes out what was pushed before the turn ends when much was read, and frees what it was read into after that', async () => {
  const done: string[] = []
  const item = (name: string) => ({ flush: () => void done.push(name) })
  afterTurn(item('free'))
  flushLater(item('write'))
  for (let i = 0; i < 3; i++) arrived(step)
  expect(done).toEqual([])
  arrived(step)
  expect(done).toEqual(['write', 'free'])
  // What comes later waits for its own quarter of a MiB or for the end of the turn, and nothing is flushed twice.
  flushLater(item('later'))
  arrived(3 * step)
  expect(done).toEqual(['write', 'free'])
  await endOfTurn()
  expect(done).toEqual(['write', 'free', 'later'])
  flushLater(item('next'))
  arrived(3 * step)
  expect(done).toHaveLength(3)
  await endOfTurn()
  expect(done).toEqual(['write', 'free', 'later', 'next'])
})

it('flushes at once what a flush makes dirty, also before the turn ends', async () => {
  const done: string[] = []
  flushLater({
    flush: () => {
      done.push('first')
      flushLater({ flush: () => void done.push('second') })
    },
  })
  arrived(4 * step)
  expect(done).toEqual(['first', 'second'])
  await endOfTurn()
  expect(done).toEqual(['first', 'second'])
})
