import { changes } from '../changes/routes.ts'
import { overview } from '../overview/routes.ts'
import { proxies } from '../proxies/routes.ts'
import type { Area } from './area.ts'

/** All parts of the UI. A part brings its own routes, each page in a chunk of its own. */
export const areas: readonly Area[] = [overview, changes, proxies]
