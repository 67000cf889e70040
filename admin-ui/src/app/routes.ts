import { change } from '../change/routes.ts'
import { editor } from '../editor/routes.ts'
import { explain } from '../explain/routes.ts'
import { history } from '../history/routes.ts'
import { overview } from '../overview/routes.ts'
import type { Area } from '../parts/area.ts'
import { proxies } from '../proxies/routes.ts'
import { rules } from '../rules/routes.ts'
import { services } from '../services/routes.ts'
import { settings } from '../settings/routes.ts'
import { topology } from '../topology/routes.ts'

/** All parts of the UI. A part brings its own routes, each page in a chunk of its own. */
export const areas: readonly Area[] = [
  overview,
  services,
  rules,
  editor,
  change,
  history,
  proxies,
  topology,
  explain,
  settings,
]
