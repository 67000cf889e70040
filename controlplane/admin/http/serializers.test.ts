import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { lazySerializers } from './serializers.ts'

const app = () => Fastify({ schemaController: { compilersFactory: { buildSerializer: lazySerializers } } })

test('answers are written by their schema: what it does not name is left out, shared parts are found', async () => {
  const server = app()
  server.addSchema({ $id: 'name', type: 'string' })
  const response = { 200: { type: 'object', properties: { name: { $ref: 'name#' } } } }
  server.get('/', { schema: { response } }, async () => ({ name: 'a', secret: 'b' }))
  for (let times = 0; times < 2; times++) expect((await server.inject('/')).body).toBe('{"name":"a"}')
  await server.close()
})

test('a schema is looked at when its first answer is written; one that is wrong fails the answer', async () => {
  const server = app()
  server.get('/', { schema: { response: { 200: { $ref: 'nowhere#' } } } }, async () => ({}))
  server.get('/other', async () => ({ fine: true }))
  await server.ready()
  expect((await server.inject('/')).statusCode).toBe(500)
  expect((await server.inject('/other')).json()).toEqual({ fine: true })
  await server.close()
})

test('all shared parts that the schemas of the API name are there', () => {
  const text = readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')
  const there = Object.keys((JSON.parse(text) as { components: { schemas: object } }).components.schemas)
  const named = [...text.matchAll(/"\$ref":\s*"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!)
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter((name) => !there.includes(name))).toEqual([])
})
