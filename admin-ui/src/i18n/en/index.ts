import { common } from './common.ts'
import { overview } from './overview.ts'

/** All texts in English, by area. A key that takes a count has `_one` and `_other`. */
export const en = { common, overview } as const
