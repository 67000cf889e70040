import type { Dictionary } from '../dictionary.ts'
import { common } from './common.ts'
import { overview } from './overview.ts'

export const zh: Dictionary = { common, overview }
