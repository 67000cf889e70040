import type { Dictionary } from '../dictionary.ts'
import { changes } from './changes.ts'
import { common } from './common.ts'
import { overview } from './overview.ts'
import { proxies } from './proxies.ts'

export const zh: Dictionary = { changes, common, overview, proxies }
