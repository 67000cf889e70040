import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { lazyValidators } from './validators.ts'

const app = () => Fastify({ schemaController: { compilersFactory: { buildValidator: lazyValidators } } })

test('requests are checked by their schema as Fastify does by itself: texts become numbers, defaults come in, shared parts are found', async () => {
  const answers = []
  for (const server of [app(), Fastify()]) {
    server.addSchema({ $id: 'count', type: 'integer', minimum: 1 })
    const querystring = {
      type: 'object',
      properties: { count: { $ref: 'count#' }, of: { type: 'string', default: 'all' } },
    }
    const body = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } }
    server.post('/', { schema: { querystring, body } }, async ({ query, body }) => ({ query, body }))
    for (const [url, payload] of [
      ['/?count=2', { name: 'a', more: 1 }],
      ['/?count=0', { name: 'a' }],
      ['/', {}],
      ['/?count=x', { name: 'a' }],
    ] as const)
      answers.push((await server.inject({ method: 'POST', url, payload })).json())
    await server.close()
  }
  expect(answers.slice(0, 4)).toEqual(answers.slice(4))
  expect(answers[0]).toEqual({ query: { count: 2, of: 'all' }, body: { name: 'a', more: 1 } })
  expect(answers[1]).toMatchObject({ statusCode: 400, message: 'querystring/count must be >= 1' })
})

test('a schema is looked at when its first request comes; one that is wrong fails the request', async () => {
  const server = app()
  server.get('/', { schema: { querystring: { $ref: 'nowhere#' } } }, async () => ({}))
  server.get('/other', async () => ({ fine: true }))
  await server.ready()
  expect((await server.inject('/')).statusCode).toBe(500)
  expect((await server.inject('/other')).json()).toEqual({ fine: true })
  await server.close()
})
