import { accessSchemas } from './access.ts'
import { changeSchemas } from './changes.ts'
import { meshSchemas } from './mesh.ts'
import { proxySchemas } from './proxies.ts'

/** JSON schemas of what the API answers, by name; they stand under components in the OpenAPI document. */
export const schemas = [...meshSchemas, ...proxySchemas, ...changeSchemas, ...accessSchemas] as const
