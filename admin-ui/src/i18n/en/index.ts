import { changes } from './changes.ts'
import { common } from './common.ts'
import { overview } from './overview.ts'
import { proxies } from './proxies.ts'

/** All texts in English, by area. A key that takes a count has `_one` and `_other`. */
export const en = { changes, common, overview, proxies } as const
