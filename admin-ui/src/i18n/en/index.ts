import { change } from './change.ts'
import { changes } from './changes.ts'
import { common } from './common.ts'
import { editor } from './editor.ts'
import { explain } from './explain.ts'
import { overview } from './overview.ts'
import { proxies } from './proxies.ts'
import { rules } from './rules.ts'
import { services } from './services.ts'
import { settings } from './settings.ts'
import { topology } from './topology.ts'

/** All texts in English, by area. A key that takes a count has `_one` and `_other`. */
export const en = {
  change,
  changes,
  common,
  editor,
  explain,
  overview,
  proxies,
  rules,
  services,
  settings,
  topology,
} as const
