import type { ClassGenerations } from './generations.ts'

/** What must survive a restart: what workloads use, and which names of clusters are burnt. */
export interface OnDemandState {
  readonly workloads: ReadonlyMap<string, ReadonlySet<string>>
  readonly generations: ReadonlyMap<string, ClassGenerations>
}

/** Where the state is kept: a file of this control plane, or a place that several share. */
export interface StateStore {
  /** What was saved last; undefined when nothing was. @throws Error when it cannot be read */
  load(): Promise<OnDemandState | undefined>
  /** @throws Error when it cannot be written; what was saved before is still there then */
  save(state: OnDemandState): Promise<void>
  /** Where several share it: calls back with what others learned since. Returns the way to unsubscribe. */
  onOthers?(listener: (news: OnDemandState) => void): () => void
}

/** Characters of a piece, more or less. */
const PIECE = 64 * 1024

interface StateJson {
  readonly version: 1
  readonly workloads: Readonly<Record<string, readonly string[]>>
  readonly generations: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/**
 * What is remembered as a text that `stateFromJson` reads, in pieces: thousands of workloads are megabytes. What changes between two
 * of them is in it or not.
 */
export function* stateToJson({ workloads, generations }: OnDemandState): Generator<string> {
  yield '{"version":1,"workloads":{'
  yield* entries(workloads, (clusters) => [...clusters])
  yield '},"generations":{'
  yield* entries(generations, (all) => Object.fromEntries(all))
  yield '}}\n'
}

function* entries<Value>(map: ReadonlyMap<string, Value>, json: (value: Value) => object): Generator<string> {
  let piece = ''
  let before = ''
  // Whose order or names change meanwhile is not met twice.
  for (const key of [...map.keys()]) {
    const value = map.get(key)
    if (value === undefined) continue
    piece += `${before}${JSON.stringify(key)}:${JSON.stringify(json(value))}`
    before = ','
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  yield piece
}

/** Reads what `stateToJson` wrote; what is not of that form is left out. @throws Error when the text is no such state */
export function stateFromJson(text: string): OnDemandState {
  const { version, workloads, generations } = JSON.parse(text) as Partial<StateJson>
  if (version !== 1) throw new Error(`version ${version} is not known to this meshgate`)
  const isText = (value: unknown) => typeof value === 'string'
  return {
    workloads: new Map(
      Object.entries(workloads ?? {}).flatMap(([name, clusters]) =>
        Array.isArray(clusters) ? [[name, new Set<string>(clusters.filter(isText))] as const] : [],
      ),
    ),
    generations: new Map(
      Object.entries(generations ?? {}).map(([key, all]) => [
        key,
        new Map(
          Object.entries(all ?? {}).filter(([, generation]) => Number.isSafeInteger(generation) && generation > 0),
        ),
      ]),
    ),
  }
}
