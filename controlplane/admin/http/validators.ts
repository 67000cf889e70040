import { createRequire } from 'node:module'
import type { BuildCompilerFromPool } from '@fastify/ajv-compiler'

type Compile = ReturnType<BuildCompilerFromPool>

const require = createRequire(import.meta.url)

/**
 * What checks the requests of each route, compiled when the first one comes: the compiler itself is loaded then, too. A schema that
 * cannot be compiled fails the request.
 */
export const lazyValidators: BuildCompilerFromPool = (schemas, options) => {
  let compile: Compile | undefined
  const later = (route: Parameters<Compile>[0]) => {
    let check: ReturnType<Compile> | undefined
    return (data: unknown) => {
      compile ??= (require('@fastify/ajv-compiler') as () => BuildCompilerFromPool)()(schemas, options)
      check ??= compile(route)
      return check(data) === false ? { error: check.errors } : true
    }
  }
  // Fastify's type asks for Ajv's own functions; Fastify itself takes any that answers like this one.
  return later as unknown as Compile
}
