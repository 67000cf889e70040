import type { ResourceType } from '../proto/types.ts'
import type { ConfigObject } from './config/object.ts'
import { createModel, type DiscoveryReader, type Model, type ProxyClass } from './model/index.ts'
import { isSupposing, supposedState } from './model/supposition.ts'
import { ClassView, type Generations } from './xds/class-view.ts'
import { classify, FIRST_VIRTUAL_HOSTS, relevance, wantsWhatItCannot } from './xds/classify.ts'
import { clustersThatLeave, leavingClusters } from './xds/leaving.ts'
import { LeftObjects } from './xds/left-objects.ts'
import type { Mesh, NodeInfo } from './xds/resource.ts'

export interface MeshOptions {
  /** How often classes have let go of clusters they got on demand. Default: never. */
  readonly generations?: Generations & { onChange(listener: () => void): void }
  /** Told about a resource that cannot be compiled; it is absent until configuration changes. */
  readonly onFailure?: (type: ResourceType, name: string, error: unknown) => void
  /** Told of every resource that was compiled and encoded, for a class that asked for it. */
  readonly onCompiled?: (type: ResourceType, name: string) => void
  /** Services and endpoints from a registry; `onChange` of a source tells of its changes. */
  readonly discovery?: DiscoveryReader & { onChange?(listener: () => void): () => void }
  /** Endpoints that leave are gone at once instead of draining first: for meshes nobody is served from. */
  readonly withoutDraining?: boolean
  /** Virtual hosts that are alike are sent as one where there are so many of them, to an Envoy that can take that; default 500. */
  readonly sharesFrom?: number
}

/** The compiled mesh: configuration in, views of proxy classes out. */
export interface CompiledMesh extends Mesh {
  readonly model: Model
  /**
   * Makes these objects (in order of precedence, as loading returns them) the configuration. Returns the keys of objects
   * whose content changed; listeners are called only when there are any.
   */
  commit(objects: ReadonlyMap<string, ConfigObject>): readonly string[]
  /**
   * Tells what objects were a moment ago, in a process before this one: a proxy that still has routes to what they made may ask for it.
   * To be called after the first `commit`.
   */
  recall(objects: Iterable<ConfigObject>): void
  /** What a registry tells of; the same list until it changes. */
  discovered(): ReturnType<DiscoveryReader['services']>
  view(node: NodeInfo): ClassView
}

/** Clusters a change compiles at most, over all classes, for the sake of requests that were routed before it: some 50 ms. */
const MOST_REMEMBERED = 256

const NONE: readonly never[] = []

/** A mesh without configuration yet: `commit` gives it some. Nothing is compiled before a view is asked. */
export function createMesh(options: MeshOptions = {}): CompiledMesh {
  const { onFailure = () => {}, onCompiled, generations, discovery, withoutDraining = false, sharesFrom } = options
  const listeners = new Set<() => void>()
  const tell = () => {
    for (const listener of [...listeners]) listener()
  }
  const model = createModel({
    ...(discovery ? { discovery } : {}),
    ...(withoutDraining ? {} : { onDrained: tell }),
  })
  discovery?.onChange?.(tell)
  const relevant = relevance(model)
  const views = new Map<string, WeakRef<ClassView>>()
  const dropped = new FinalizationRegistry<string>((key) => {
    if (views.get(key)?.deref()) return
    views.delete(key)
    generations?.unread?.(key)
  })

  generations?.onChange(tell)
  const left = new LeftObjects(model.world)
  const viewOf = (proxy: ProxyClass) =>
    new ClassView(model, proxy, {
      ...{ onFailure, onCompiled, generations, sharesFrom },
      worldsWith: (cluster) => left.worldsWith(cluster),
    })
  return {
    model,
    discovered: () => discovery?.services() ?? NONE,
    commit(objects) {
      const lazy = [...views.values()].flatMap((ref) => {
        const view = ref.deref()
        return view?.onDemand ? [view] : []
      })
      const leaving = leavingClusters(model.world, objects)
      let most = MOST_REMEMBERED
      if (leaving.length > 0) for (const view of lazy) most -= view.remember(leaving, most)
      left.keep(leaving)
      const changed = model.world.commit(objects)
      if (changed.length > 0) tell()
      return changed
    },
    recall(objects) {
      const present = model.world.objects
      left.keep([...objects].flatMap((object) => clustersThatLeave(object, present)))
    },
    view(node) {
      const proxy = classify(node, relevant())
      const known = views.get(proxy.key)?.deref()
      if (known) return known
      if (isSupposing()) {
        // A class that is there only if what is supposed comes true.
        const others = supposedState(views, () => new Map<string, ClassView>())
        const other = others.get(proxy.key) ?? viewOf(proxy)
        others.set(proxy.key, other)
        return other
      }
      const view = viewOf(proxy)
      views.set(proxy.key, new WeakRef(view))
      dropped.register(view, proxy.key)
      return view
    },
    classification: relevant,
    shortfall: (node) =>
      wantsWhatItCannot(node, relevant())
        ? `its virtual hosts cannot come on demand: that takes Envoy 1.${FIRST_VIRTUAL_HOSTS} or newer, and it says ${node.userAgent}; it gets all at once`
        : undefined,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
