import { isNode, LineCounter, parseAllDocuments } from 'yaml'
import type { ConfigObject } from '../../controlplane/config/object.ts'

/** Documents of a YAML text as loading would hand them over, unchecked, by key; `locate` knows lines. */
export function configObjects(yaml: string, file = 'test.yaml'): ReadonlyMap<string, ConfigObject> {
  const lines = new LineCounter()
  const objects = new Map<string, ConfigObject>()
  for (const [index, document] of parseAllDocuments(yaml, { lineCounter: lines }).entries()) {
    const value = document.toJS()
    if (!value) continue
    const { kind, apiVersion, metadata, spec } = value
    const { name, namespace = 'default', labels = {}, annotations = {} } = metadata
    const key = `${kind}/${namespace}/${name}`
    const source = {
      id: `${file}#${index}`,
      file,
      index,
      value,
      revision: String(index),
      locate: (path: readonly (string | number)[]) => {
        for (let length = path.length; length >= 0; length--) {
          const node = document.getIn(path.slice(0, length), true)
          if (isNode(node) && node.range) {
            const { line, col: column } = lines.linePos(node.range[0])
            return { file, line, column }
          }
        }
        return { file, line: 1, column: 1 }
      },
    }
    objects.set(key, { kind, apiVersion, name, namespace, labels, annotations, spec, source, key })
  }
  return objects
}
