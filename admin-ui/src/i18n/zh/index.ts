import type { Dictionary } from '../dictionary.ts'
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

export { problems } from './problems.ts'

export const zh: Dictionary = {
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
}
