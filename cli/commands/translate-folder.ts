import { checkSnapshot } from '../../controlplane/admin/analyze.ts'
import { type NodeQuestion, nodeOf } from '../../controlplane/admin/node.ts'
import { staticNode, translateResources, translateStatic } from '../../controlplane/admin/translate.ts'
import { formatDiagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { errorText } from '../../errors/thrown.ts'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import { readOnce } from './read-once.ts'

export interface TranslateOptions {
  readonly type: ResourceType | 'all'
  readonly format: 'resources' | 'envoy'
}

/**
 * What a proxy gets from a folder of configuration. Complaints and resources that cannot be compiled are told on stderr;
 * `errors` counts them. @throws Error when the folder cannot be read.
 */
export async function translateFolder(
  folder: string,
  question: NodeQuestion,
  { type, format }: TranslateOptions,
): Promise<{ readonly result: object; readonly errors: number }> {
  const { objects, diagnostics } = checkSnapshot(await readOnce([folder]))
  let errors = 0
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity !== 'error') continue
    errors++
    process.stderr.write(`${formatDiagnostic(diagnostic)}\n`)
  }
  const mesh = createMesh({
    onFailure: (failed, name, error) => {
      errors++
      process.stderr.write(`${failed} ${name} cannot be compiled: ${errorText(error)}\n`)
    },
  })
  mesh.commit(objects)
  const node = nodeOf(question)
  const result =
    format === 'envoy'
      ? translateStatic(mesh.view(staticNode(node)), node, {
          secrets: true,
          onOmitted: (what) => process.stderr.write(`left out: ${what}\n`),
        })
      : translateResources(mesh.view(node), type === 'all' ? RESOURCE_TYPES : [type])
  return { result, errors }
}
