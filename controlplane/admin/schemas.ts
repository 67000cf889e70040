import { ref } from './schema-parts.ts'
import { meshSchemas } from './schemas-mesh.ts'
import { proxySchemas } from './schemas-proxies.ts'

/** JSON schemas of what the API answers, by name; they stand under components in the OpenAPI document. */

export const schemas = [...meshSchemas, ...proxySchemas] as const

/** The answers of a route: its own, and the error every route may give. */
export function answers(schema: object, description: string) {
  return { 200: { description, ...schema }, default: { ...ref('Error'), description: 'What went wrong.' } }
}

export * from './schema-parts.ts'
