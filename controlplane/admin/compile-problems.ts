import type { ConfigObject, Origin } from '../config/object.ts'
import { type Diagnostic, formatPath } from '../diagnostics/diagnostic.ts'
import { createMesh } from '../mesh.ts'
import { recorded } from '../model/cells.ts'
import type { World } from '../model/index.ts'
import { type Reads, touches, writesNow, writesSince } from '../model/reads.ts'
import type { ClassView } from '../xds/class-view.ts'
import { clusterProblems, type Problem } from '../xds/clusters/index.ts'
import { nodeOf } from './node.ts'

/** Clusters looked at when no proxy tells which classes matter: bounds the time `analyze` takes on a large mesh. */
const MOST_CLUSTERS = 20_000

interface Known {
  readonly problems: readonly Problem[]
  readonly reads: Reads
  readonly moment: number
}

const known = new WeakMap<ClassView, Known>()

/** All clusters of a class are compiled for this: once, and again when something that was read has been written since. */
function problemsOf(view: ClassView): readonly Problem[] {
  const before = known.get(view)
  const writes = before && writesSince(before.moment)
  const moment = writesNow()
  if (before && writes && !touches(before.reads, writes)) {
    known.set(view, { ...before, moment })
    return before.problems
  }
  const { value: problems, reads } = recorded(() => clusterProblems(view.scope))
  known.set(view, { problems, reads, moment })
  return problems
}

/** What the proxies of these classes cannot get as their documents ask, each complaint once. @param world of the views */
export function problemsOfViews(views: Iterable<ClassView>, world: World): readonly Diagnostic[] {
  return problemDiagnostics(problemsIn(views), (origin) => world.live(origin))
}

function* problemsIn(views: Iterable<ClassView>): Generator<Problem> {
  for (const view of views)
    if (view.onDemand || view.scope.proxy.type === 'message') yield* problemsOf(view)
    else {
      // These clusters are compiled anyway, and remember what was wrong.
      for (const name of view.names('cds')) view.get('cds', name)
      for (const problems of view.clusterProblems().values()) yield* problems
    }
}

/**
 * Complaints about clusters, each once.
 * @param at where an origin is in the documents that the complaints are read with
 */
export function problemDiagnostics(problems: Iterable<Problem>, at: (origin: Origin) => Origin): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>()
  for (const problem of problems) {
    const diagnostic = toDiagnostic(problem, at)
    const { code, file, line, column, message } = diagnostic
    found.set(JSON.stringify([code, file, line, column, message]), diagnostic)
  }
  return [...found.values()]
}

/**
 * The same without proxies, for a sidecar in each namespace whose rules or scope may make a difference: where a DestinationRule
 * or a Sidecar stands.
 */
export function problemsOfObjects(objects: ReadonlyMap<string, ConfigObject>): readonly Diagnostic[] {
  const namespaces = new Set<string>()
  for (const { kind, namespace } of objects.values())
    if (kind === 'DestinationRule' || kind === 'Sidecar') namespaces.add(namespace)
  if (namespaces.size === 0) return []
  const mesh = createMesh()
  mesh.commit(objects)
  const views: ClassView[] = []
  let clusters = 0
  for (const namespace of [...namespaces].sort()) {
    const view = mesh.view(nodeOf({ id: `sidecar~0.0.0.0~analyze.${namespace}~${namespace}.svc` }))
    clusters += view.names('cds').length
    if (clusters > MOST_CLUSTERS) break
    views.push(view)
  }
  return problemsOfViews(views, mesh.model.world)
}

function toDiagnostic({ code, severity, message, hint, origin }: Problem, at: (origin: Origin) => Origin): Diagnostic {
  const { object, path } = at(origin)
  return { code, severity, message, ...object.source.locate(path), path: formatPath(path), hint }
}
