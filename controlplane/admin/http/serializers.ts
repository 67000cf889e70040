import { createRequire } from 'node:module'
import type { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyServerOptions } from 'fastify'

type Factory = NonNullable<
  NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>['buildSerializer']
>

const require = createRequire(import.meta.url)

interface Compiler {
  readonly SerializerSelector: typeof SerializerSelector
}

/**
 * What writes the answers of each route, compiled when the first one is written, with a compiler that is loaded then: to compile all of them takes longer than everything else
 * a control plane does before it serves. A schema that cannot be compiled fails the answer.
 */
export const lazySerializers: Factory = (schemas, options) => {
  let compile: ReturnType<ReturnType<typeof SerializerSelector>> | undefined
  return (route) => {
    let write: ReturnType<NonNullable<typeof compile>> | undefined
    return (answer: unknown) => {
      compile ??= (require('@fastify/fast-json-stringify-compiler') as Compiler).SerializerSelector()(schemas, options)
      write ??= compile(route)
      return write(answer)
    }
  }
}
