/** The values of a field by their names, from what `is` says; several may share one, and the first of them is the one that is written. */
export function namedValues(is: Readonly<Record<string, string>>): ReadonlyMap<string, readonly number[]> {
  const values = new Map<string, readonly number[]>()
  for (const [number, name] of Object.entries(is)) values.set(name, [...(values.get(name) ?? []), Number(number)])
  return values
}
