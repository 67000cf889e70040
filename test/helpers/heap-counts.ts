import { setImmediate as turn } from 'node:timers/promises'
import * as v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import { signal } from '@preact/signals-core'
import { CompiledResource } from '../../controlplane/xds/compiled-resource.ts'

/** `v8.queryObjects` of Node 20.13 and newer, which the types of Node 20 do not have. It collects garbage first. */
const { queryObjects } = v8 as unknown as {
  queryObjects(of: Counted, options: { readonly format: 'count' }): number
}

type Counted = abstract new (...args: never) => unknown

/** What grows with names: computations and what they read, tables, what is made of them. */
const KINDS: Readonly<Record<string, Counted>> = {
  cells: signal(0).constructor as Counted,
  maps: Map,
  resources: CompiledResource,
}

/**
 * How many objects of each kind this process holds, after all that nothing refers to is gone. Counts, so that they are the same in each run.
 * Each kind costs a look at the whole heap, which may take a second.
 */
export async function heapCounts(): Promise<Readonly<Record<string, number>>> {
  v8.setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What is told of objects that are gone lets go of others.
  for (let collected = 0; collected < 3; collected++) {
    collect()
    await turn()
  }
  return Object.fromEntries(Object.entries(KINDS).map(([name, of]) => [name, queryObjects(of, { format: 'count' })]))
}
