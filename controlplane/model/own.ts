/**
 * What a dictionary whose names are others' (ports, labels, headers) has under a name. A bare index would also find what every
 * object inherits: `constructor` is a valid name of a port.
 */
export function own<Value>(dictionary: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(dictionary, name) ? dictionary[name] : undefined
}
