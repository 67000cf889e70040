import { changes } from '../changes/routes.ts'
import { explain } from '../explain/routes.ts'
import { overview } from '../overview/routes.ts'
import { proxies } from '../proxies/routes.ts'
import { rules } from '../rules/routes.ts'
import { services } from '../services/routes.ts'
import { settings } from '../settings/routes.ts'
import { topology } from '../topology/routes.ts'
import type { Area } from './area.ts'

/** All parts of the UI. A part brings its own routes, each page in a chunk of its own. */
export const areas: readonly Area[] = [overview, services, rules, changes, proxies, topology, explain, settings]
