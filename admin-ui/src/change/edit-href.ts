import { objectsOf } from '../forms/objects.ts'
import type { Draft } from './drafts.ts'

/** The editor of a draft, at the first object that differs from its base. */
export function editHref({ file, text, baseText }: Draft): string {
  const search = `?file=${encodeURIComponent(file)}`
  const objects = objectsOf(text ?? '', 'default')
  const before = new Map(
    objectsOf(baseText ?? '', 'default').map(({ name, view }) => [JSON.stringify(name), JSON.stringify(view.value)]),
  )
  const differs = objects.find(({ name, view }) => before.get(JSON.stringify(name)) !== JSON.stringify(view.value))
  const { kind, namespace, name } = (differs ?? objects[0])?.name ?? { kind: 'File', namespace: '-', name: file }
  return `/rules/${[kind, namespace, name].map(encodeURIComponent).join('/')}/edit${search}`
}
