import { afterEach, expect, it } from 'vitest'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, codeOf, endpoints, gameConfiguration } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

it.each(['shared', 'bound', 'exclusive'] as const)(
  'what a route does to messages it does on every kind of connection: %s',
  async (mode) => {
    const [a, shadow] = [await bed.server('a'), await bed.server('shadow')]
    const proxy = await bed.proxy(
      gameConfiguration({
        listener: { mode },
        routes: [
          {
            name: 'game',
            routes: [
              byId(1, 'a', { fault: { abort: { percent: 100, reply: { reason: 'fault', code: 4711 } } } }),
              byId(2, 'a', { rateLimits: [{ maxTokens: 2, tokensPerFill: 1, fillIntervalMs: 3_600_000 }] }),
              byId(3, 'a', {
                requestMutation: [
                  { field: 'uid', value: '9' },
                  { field: 'body', value: 'longer than it was' },
                ],
                responseMutation: [{ field: 'msgid', value: '99' }],
              }),
              byId(4, 'a', { mirrors: [{ cluster: 'shadow', percent: 100 }] }),
              byId(5, 'a', { fault: { delay: { percent: 100, ms: 20 } } }),
            ],
          },
        ],
        clusters: [a, shadow].map(({ name, port }) => ({
          name,
          localities: endpoints(port),
          balancer: { kind: 'roundRobin' },
        })),
      }),
    )
    const client = bed.client(proxy)
    let seq = 0
    const ask = (msgid: number) => client.ask({ msgid, seq: ++seq, uid: 1n, body: 'x' })
    expect(codeOf(await ask(1))).toBe(4711)
    const limited: (number | undefined)[] = []
    for (let n = 0; n < 3; n++) limited.push(codeOf(await ask(2)))
    expect(limited).toEqual([undefined, undefined, 7])
    const changed = await ask(3)
    expect([changed.msgid, String(changed.body)]).toEqual([99, 'a:longer than it was'])
    expect(a.frames.at(-1)?.uid).toBe(9n)
    for (let n = 0; n < 5; n++) expect(String((await ask(4)).body)).toBe('a:x')
    await comesTrue(() => shadow.frames.length === 5, 'the copies arrive')
    expect(String((await ask(5)).body)).toBe('a:x')
    expect(a.frames).toHaveLength(2 + 1 + 5 + 1)
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  },
)
