import type { Place } from '../api/schema.ts'

/** Places of one document together, its lines from the top; documents as they first come. Of several places in a line, which flow style brings, the first. */
export function byDocument(places: readonly Place[]): readonly (readonly Place[])[] {
  const documents = new Map<string, Map<number, Place>>()
  for (const place of places) {
    const key = `${place.document} ${place.file}`
    const lines = documents.get(key) ?? new Map<number, Place>()
    if (!lines.has(place.line)) lines.set(place.line, place)
    documents.set(key, lines)
  }
  return [...documents.values()].map((lines) => [...lines.values()].sort((a, b) => a.line - b.line))
}
