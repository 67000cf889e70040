import type { Random } from '../../../codecs/mutated.ts'
import { type CompiledMesh, createMesh } from '../../../controlplane/mesh.ts'
import type { NodeInfo } from '../../../controlplane/xds/resource.ts'
import { HELD_TYPES } from '../../../dataplane/config/held-type.ts'
import { load } from '../../helpers/config-documents.ts'
import { type Document, edited, firstDocuments } from './documents.ts'
import type { Held, World } from './plane.ts'

export const NODE: NodeInfo = {
  id: 'message~127.0.0.1~edge.default~default.svc.cluster.local',
  cluster: 'edge',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'meshgate',
  protocol: 'delta',
  secretsAllowed: true,
}
const SECRETS = ['edge', 'other'].flatMap((name) => [`kubernetes://${name}`, `kubernetes://${name}-cacert`])

/** Documents that somebody edits at random, and what our control plane makes of them for one proxy. */
export class EditedMesh {
  readonly #mesh: CompiledMesh
  documents: readonly Document[] = firstDocuments()

  constructor() {
    this.#mesh = createMesh({
      onFailure: (type, name, error) => {
        throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
      },
    })
    this.#commit(this.documents)
  }

  /** Edits the documents so often; an edit that checking refuses is drawn again. */
  edit(times: number, any: Random): void {
    for (let left = times; left > 0; ) {
      const next = edited(this.documents, any)
      if (!this.#commit(next)) continue
      this.documents = next
      left--
    }
  }

  /** Documents of somebody else. @throws Error when checking refuses them */
  put(documents: readonly Document[]): void {
    if (!this.#commit(documents)) throw new Error('the documents are refused')
    this.documents = documents
  }

  #commit(documents: readonly Document[]): boolean {
    const { objects, diagnostics } = load({
      'mesh.yaml': documents.map((one) => `---\n${JSON.stringify(one)}\n`).join(''),
    })
    if (diagnostics.some(({ severity }) => severity === 'error')) return false
    this.#mesh.commit(objects)
    return true
  }

  /** All that the proxy may ask for. */
  world(): World {
    const view = this.#mesh.view(NODE)
    return Object.fromEntries(
      HELD_TYPES.map((type) => {
        const names = type === 'sds' ? SECRETS : view.names(type)
        const held = names.flatMap((name): [string, Held][] => {
          const resource = view.get(type, name)
          return resource ? [[name, { version: resource.version, bytes: resource.bytes }]] : []
        })
        return [type, new Map(held)]
      }),
    ) as never
  }
}
