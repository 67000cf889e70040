import { isDeepStrictEqual } from 'node:util'
import type { ConfigObject } from '../../config/object.ts'

type Objects = ReadonlyMap<string, ConfigObject>

/** Keys of objects that came, went or changed content, sorted; one that only moved in its file did not change. */
export function changedObjects(before: Objects, after: Objects): readonly string[] {
  const changed: string[] = []
  for (const [key, object] of after) if (!sameContent(before.get(key), object)) changed.push(key)
  for (const key of before.keys()) if (!after.has(key)) changed.push(key)
  return changed.sort()
}

function sameContent(a: ConfigObject | undefined, b: ConfigObject | undefined): boolean {
  if (a === b) return true
  if (!a || !b) return false
  const content = ({ apiVersion, labels, annotations, spec }: ConfigObject) => ({
    apiVersion,
    labels,
    annotations,
    spec,
  })
  return isDeepStrictEqual(content(a), content(b))
}
