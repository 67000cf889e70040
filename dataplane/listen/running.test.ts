import { expect, it } from 'vitest'
import { Requests } from '../upstream/requests.ts'
import type { Client } from './client.ts'
import { Running } from './running.ts'

it('requests are found by their id until they are over, and what is over does not pile up', () => {
  const requests = new Requests()
  const client = { inFlight: 0 } as Client
  const running = new Running(client)
  const begin = (idLo: number, idHi = 0) => {
    const request = requests.take()!
    Object.assign(request, { idLo, idHi, client })
    expect(running.open(request)).toBe(-1)
    return request
  }
  const [one, two] = [begin(1), begin(1, 2)]
  expect([running.find(1, 0), running.find(1, 2), running.find(2, 0)]).toEqual([one, two, undefined])
  requests.release(one)
  expect([running.find(1, 0), running.find(1, 2)]).toEqual([undefined, two])
  for (let id = 10; id < 10_000; id++) requests.release(begin(id))
  expect(running.size).toBeLessThanOrEqual(70)
  expect(running.find(1, 2)).toBe(two)
})
