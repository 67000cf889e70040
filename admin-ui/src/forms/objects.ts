import { type DocumentView, type OpenText, openText, readDocument, readDocuments } from '../yaml/index.ts'
import { isMap, type Json } from './schema.ts'

/** What an object is called: kind, namespace and name, as the control plane's keys have them. */
export interface ObjectName {
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** What an object is known by everywhere: `VirtualService/default/reviews`. */
export const objectKey = ({ kind, namespace, name }: ObjectName): string => `${kind}/${namespace}/${name}`

/** What a document is called; a MsgRouter for one message id needs no name of its own. Undefined when it is no object. */
export function nameOf(value: unknown, defaultNamespace: string): ObjectName | undefined {
  if (!isMap(value) || typeof value['kind'] !== 'string') return undefined
  const metadata: Json = isMap(value['metadata']) ? value['metadata'] : {}
  const { name, namespace } = metadata
  const spec: Json = isMap(value['spec']) ? value['spec'] : {}
  const { msgid } = spec
  const given =
    typeof name === 'string'
      ? name
      : value['kind'] === 'MsgRouter' && (typeof msgid === 'number' || typeof msgid === 'string')
        ? `msgid-${String(msgid).replaceAll(/\s/g, '')}`
        : value['kind'] === 'Mesh'
          ? 'mesh'
          : undefined
  if (given === undefined) return undefined
  return {
    kind: value['kind'],
    namespace: typeof namespace === 'string' && namespace !== '' ? namespace : defaultNamespace,
    name: given,
  }
}

/**
 * The document of an object in a text. Only documents whose text mentions the kind are read, so that one of a thousand is found fast.
 * Undefined when it is not there, or cannot be read.
 */
export function findObject(
  source: string | OpenText,
  { kind, namespace, name }: ObjectName,
  defaultNamespace: string,
): DocumentView | undefined {
  const open = openText(source)
  const wanted = new RegExp(`kind["']?\\s*:\\s*["']?${kind}\\b`)
  for (let document = 0; document < open.count; document++) {
    const { from, to } = open.span(document)
    const said = open.head(document)['kind'] === kind
    if (!said && !wanted.test(open.text.slice(from, to))) continue
    const view = readDocument(open, document)
    const found = nameOf(view.value, defaultNamespace)
    if (found && found.kind === kind && found.namespace === namespace && found.name === name) return view
  }
  return undefined
}

/** Every object of a text with its document, in order; documents that are none are left out. */
export function objectsOf(
  source: string | OpenText,
  defaultNamespace: string,
): readonly { readonly name: ObjectName; readonly view: DocumentView }[] {
  return readDocuments(source).flatMap((view) => {
    const name = nameOf(view.value, defaultNamespace)
    return name ? [{ name, view }] : []
  })
}
