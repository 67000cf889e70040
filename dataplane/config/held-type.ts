import type { ResourceType } from '../../proto/types.ts'

/** Types the proxy asks for; those with a wildcard first come, then what they name. */
export const WILDCARD_TYPES = ['cds', 'pds', 'mrds', 'mlds'] as const satisfies readonly ResourceType[]
/** Types asked for by the names that others give. */
export const NAMED_TYPES = ['eds', 'sds'] as const satisfies readonly ResourceType[]
export type HeldType = (typeof WILDCARD_TYPES)[number] | (typeof NAMED_TYPES)[number]
export const HELD_TYPES: readonly HeldType[] = ['cds', 'eds', 'sds', 'pds', 'mrds', 'mlds']
