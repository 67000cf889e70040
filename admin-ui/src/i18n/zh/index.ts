import type { Dictionary } from '../dictionary.ts'
import { changes } from './changes.ts'
import { common } from './common.ts'
import { explain } from './explain.ts'
import { overview } from './overview.ts'
import { proxies } from './proxies.ts'
import { services } from './services.ts'
import { settings } from './settings.ts'
import { topology } from './topology.ts'

export const zh: Dictionary = { changes, common, explain, overview, proxies, services, settings, topology }
