import type { Codec } from './contract.ts'

/**
 * A codec of which some parts are others. The rest is asked of the codec itself: it may be an instance of a class, whose methods a copy would lose and whose
 * private fields nobody else has.
 */
export function withParts(codec: Codec, parts: Partial<Codec>): Codec {
  const made: Record<string, unknown> = { ...parts }
  for (let level: object | null = codec; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) {
      if (name === 'constructor' || Object.hasOwn(made, name)) continue
      const value = codec[name as keyof Codec] as unknown
      if (typeof value === 'function') made[name] = value.bind(codec)
      // Not a copy: `fields` grows.
      else Object.defineProperty(made, name, { enumerable: true, get: () => codec[name as keyof Codec] })
    }
  }
  return made as unknown as Codec
}
