import { describe, expect, test } from 'vitest'
import { FakeMesh } from '../../test/helpers/fake-mesh.ts'
import { Engine, eds, lines, only } from '../../test/helpers/xds-engine.ts'

describe('a stale nonce on a request that also changes subscriptions', () => {
  test.each(['delta', 'sotw'] as const)('%s: the subscription counts, the acknowledgement does not', (form) => {
    const mesh = new FakeMesh().put(eds('a', '1'), eds('b', '1'))
    const engine = new Engine(mesh)
    const client = engine.client(form)
    const first = only(client.ask('eds', { names: ['a'] }))
    mesh.put(eds('a', '2'))
    client.ack(first, ['a'])
    engine.publish()
    const second = only(client.flow())
    const names = form === 'sotw' ? ['a', 'b'] : ['b']
    expect(client.tell('eds', { names, nonce: 'never-sent' }).kind).toBe('expired')
    expect(lines(client.flow())).toEqual(['eds: b=1'])
    expect(client.client.settled('eds')).toBe(false)
    expect(client.client.place('eds')!.inFlight[0]!.frame.nonce).toBe(second.nonce)
  })

  test('state of the world: the nonce of the response before last acknowledges that one only', () => {
    const sotw = new Engine(new FakeMesh().put(eds('a', '1'), eds('b', '1'))).client('sotw')
    const first = only(sotw.ask('eds', { names: ['a'] }))
    const second = only(sotw.ask('eds', { names: ['a', 'b'] }))
    sotw.ack(first, ['a', 'b'])
    expect(sotw.client.settled('eds')).toBe(false)
    sotw.ack(second, ['a', 'b'])
    expect(sotw.client.settled('eds')).toBe(true)
  })
})

describe('an answer', () => {
  test('is also one to the responses before it, and said again it means nothing more', () => {
    const delta = new Engine(new FakeMesh().put(eds('a', '1'), eds('b', '1'))).client('delta')
    delta.ask('eds', { names: ['a'] })
    const second = only(delta.ask('eds', { names: ['b'] }))
    const [one, two] = delta.client.place('eds')!.inFlight.map(({ frame }) => frame)
    expect(delta.tell('eds', { nonce: second.nonce }).kind).toBe('ack')
    expect(delta.client.place('eds')!.inFlight).toEqual([])
    expect([one!.acks, two!.acks]).toEqual([1, 1])
    expect(delta.tell('eds', { nonce: second.nonce }).kind).toBe('subscribed')
    expect([one!.acks, two!.acks]).toEqual([1, 1])
  })

  test('that refuses is told until another accepts and nobody is to blame any more', () => {
    const delta = new Engine(new FakeMesh().put(eds('a', '1'), eds('b', '1'))).client('delta')
    const first = only(delta.ask('eds', { names: ['a'] }))
    expect(delta.tell('eds', { nonce: first.nonce, error: 'a is wrong' }).kind).toBe('nack')
    const place = delta.client.place('eds')!
    expect(place).toMatchObject({ nack: { nonce: first.nonce, code: 13, message: 'a is wrong' }, lastAcked: undefined })
    const second = only(delta.ask('eds', { names: ['b'] }))
    expect(place.nack?.nonce).toBe(first.nonce)
    expect(delta.tell('eds', { nonce: second.nonce }).kind).toBe('ack')
    expect(place).toMatchObject({ nack: undefined, lastAcked: { nonce: second.nonce } })
  })
})
