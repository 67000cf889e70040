import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { npmFolder, pipFolder } from './packages.ts'
import {
  nodeThriftClient,
  nodeThriftServer,
  pythonThriftCalls,
  pythonThriftServer,
  type ThriftClient,
} from './thrift.ts'

const oneways: string[] = []

/** Apache Thrift: a is a server of npm `thrift` (framed binary), b one of Python `thrift` (binary, compact, THeader). */
export const thriftPeer: Peer = {
  protocol: 'thrift',
  // Only b speaks compact too.
  rules: { ...callRules('thrift'), slow: 'match: [{method: slow}], svrName: echo.thrift, subset: b, timeout: 0.3s' },
  prepare: () => Promise.all([npmFolder(), pipFolder()]),
  servers: async () => [await nodeThriftServer('a', oneways), await pythonThriftServer('b')],
  tests: (edge) => {
    const connect = async (protocol: 'binary' | 'compact'): Promise<ThriftClient> => {
      const client = await nodeThriftClient(edge(), protocol)
      stopAfterTests(async () => client.close())
      return client
    }

    it('framed binary: each method goes to its server, of either language', async () => {
      const client = await connect('binary')
      expect(await client.call('toA', 'x')).toEqual({ text: 'a:x' })
      expect(await client.call('toB', 'y')).toEqual({ text: 'b:y' })
      expect(await client.call('Shop:toB', 'multiplexed')).toEqual({ text: 'b:multiplexed' })
      expect(await pythonThriftCalls('binary', edge(), 'toA', 'z', 3)).toEqual(
        [1, 2, 3].map((n) => ({ text: `a:z${n}` })),
      )
    })

    it('framed compact', async () => {
      const client = await connect('compact')
      expect(await client.call('toB', 'x')).toEqual({ text: 'b:x' })
      expect(await pythonThriftCalls('compact', edge(), 'toB', 'y', 2)).toEqual([{ text: 'b:y1' }, { text: 'b:y2' }])
    })

    it.each(['header', 'header-compact'] as const)(
      'THeader (%s): the id of the header and that of the message',
      async (kind) => {
        expect(await pythonThriftCalls(kind, edge(), 'toB', 'x', 3)).toEqual(
          [1, 2, 3].map((n) => ({ text: `b:x${n}` })),
        )
      },
    )

    it('a split halves the calls of one method', async () => {
      const client = await connect('binary')
      const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => client.call('half', `${n}`)))
      const texts = answers.map((answer) => ('text' in answer ? answer.text : answer.error))
      expect(texts.map((text) => text.slice(2))).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
      expectFairShare(texts.map((text) => text.slice(0, 1)))
    })

    it.each(['binary', 'compact'] as const)(
      'a fault, a missing route and a time that runs out are application exceptions (%s)',
      async (kind) => {
        const client = await connect(kind)
        expect(await client.call('refused', 'x')).toMatchObject({ error: 'not today' })
        expect(await client.call('nobody', 'x')).toMatchObject({ error: 'no route for this message', code: 1 })
        expect(await client.call('slow', 'x')).toMatchObject({ error: 'upstream request timeout' })
        expect(await client.call('toB', 'after')).toEqual({ text: 'b:after' })
        expect(await pythonThriftCalls(kind, edge(), 'refused', 'x')).toMatchObject([{ error: 'not today' }])
      },
    )

    it('THeader: error replies, too', async () => {
      for (const kind of ['header', 'header-compact'] as const)
        expect(await pythonThriftCalls(kind, edge(), 'refused', 'x', 2)).toMatchObject([
          { error: 'not today' },
          { error: 'not today' },
        ])
    })

    it('one-way calls arrive and leave the connection in step', async () => {
      const client = await connect('binary')
      client.oneway('toA', 'quiet')
      expect(await client.call('toA', 'x')).toEqual({ text: 'a:x' })
      await eventually(() => expect(oneways).toEqual(['toA:quiet']))
    })
  },
}
