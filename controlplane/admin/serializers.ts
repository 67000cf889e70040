import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Factory = NonNullable<
  NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>['buildSerializer']
>

/**
 * What writes the answers of each route, compiled when the first one is written: to compile all of them takes longer than everything else
 * a control plane does before it serves. A schema that cannot be compiled fails the answer.
 */
export const lazySerializers: Factory = (schemas, options) => {
  const compile = SerializerSelector()(schemas, options)
  return (route) => {
    let write: ReturnType<typeof compile> | undefined
    return (answer: unknown) => {
      write ??= compile(route)
      return write(answer)
    }
  }
}
