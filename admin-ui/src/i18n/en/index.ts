import { change } from './change.ts'
import { common } from './common.ts'
import { editor } from './editor.ts'
import { explain } from './explain.ts'
import { history } from './history.ts'
import { overview } from './overview.ts'
import { proxies } from './proxies.ts'
import { rules } from './rules.ts'
import { services } from './services.ts'
import { settings } from './settings.ts'
import { topology } from './topology.ts'

/** All texts in English, by area. A key that takes a count has `_one` and `_other`. */
export const en = {
  change,
  common,
  editor,
  explain,
  history,
  overview,
  proxies,
  rules,
  services,
  settings,
  topology,
} as const
