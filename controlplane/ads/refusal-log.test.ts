import { describe, expect, test } from 'vitest'
import { SILENT } from './logger.ts'
import { RefusalLog } from './refusal-log.ts'

const MINUTE = 60_000

function start() {
  const lines: (readonly [level: string, message: string, fields: object])[] = []
  const at = { now: 1_000 }
  const logger = {
    ...SILENT,
    info: (fields: object, message: string) => lines.push(['info', message, fields]),
    warn: (fields: object, message: string) => lines.push(['warn', message, fields]),
  }
  const log = new RefusalLog(logger, () => at.now)
  const refuse = (address: string, what = 'node', level: 'info' | 'warn' = 'info') =>
    log.tell(level, address, what, { peer: address }, 'refused')
  const messages = () => lines.map(([, message]) => message)
  return { at, lines, messages, refuse }
}

describe('a client that is refused', () => {
  test('is told at once, as loud as it was said', () => {
    const { lines, refuse } = start()
    refuse('10.0.0.1:4000', 'node', 'warn')
    expect(lines).toEqual([['warn', 'refused', { peer: '10.0.0.1:4000' }]])
  })

  test('and tries again, from whatever port, is summed up after ten minutes', () => {
    const { at, lines, messages, refuse } = start()
    for (let port = 4000; port < 4100; port++) refuse(`10.0.0.1:${port}`)
    for (let port = 4000; port < 4100; port++) refuse(`::1:${port}`)
    expect(messages()).toEqual(['refused', 'refused'])
    at.now += 10 * MINUTE
    refuse('10.0.0.1:5000')
    expect(lines.at(-1)).toEqual(['info', 'refused (100 tries in 10 minutes)', { peer: '10.0.0.1:5000', tries: 100 }])
    refuse('10.0.0.1:5001')
    expect(messages()).toHaveLength(3)
  })

  test('for another reason, or at another place, is told anew', () => {
    const { messages, refuse } = start()
    refuse('10.0.0.1:4000', 'node one')
    refuse('10.0.0.1:4000', 'node two')
    refuse('10.0.0.2:4000', 'node one')
    refuse('unix:/run/one', 'node one')
    refuse('unix:/run/two', 'node one')
    expect(messages()).toHaveLength(5)
  })

  test('and comes back after a long time with just one try is told as at first', () => {
    const { at, messages, refuse } = start()
    refuse('10.0.0.1:4000')
    at.now += 60 * MINUTE
    refuse('10.0.0.1:4000')
    expect(messages()).toEqual(['refused', 'refused'])
  })
})

test('of very many different ones there are a hundred lines and one each second, and how many are missing is told', () => {
  const { at, messages, refuse } = start()
  for (let one = 0; one < 5000; one++) refuse(`10.0.0.1:${one}`, `node-${one}`)
  expect(messages()).toHaveLength(100)
  at.now += 1000
  for (let one = 5000; one < 6000; one++) refuse(`10.0.0.1:${one}`, `node-${one}`)
  expect(messages().slice(100)).toEqual(['refused; 4900 refusals of others were left out of the log'])
})
