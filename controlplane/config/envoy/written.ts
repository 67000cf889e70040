/** A message in JSON form, with fields in either spelling. */
export type WrittenMessage = Readonly<Record<string, unknown>>

/** A field by its name in the API, as [the key the user wrote, its value]; the value is undefined when the field is not set. */
export function written(message: WrittenMessage, name: string): readonly [key: string, value: unknown] {
  const camel = name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  const key = message[camel] === undefined ? name : camel
  return [key, message[key] ?? undefined]
}

/** The same for a field that holds a message; one that is absent or no object reads as empty. */
export function writtenMessage(message: WrittenMessage, name: string): readonly [key: string, value: WrittenMessage] {
  const [key, value] = written(message, name)
  return [key, asMessage(value)]
}

/** The same for a list of messages. */
export function writtenList(message: WrittenMessage, name: string): readonly [string, readonly WrittenMessage[]] {
  const [key, value] = written(message, name)
  return [key, Array.isArray(value) ? value.map(asMessage) : []]
}

function asMessage(value: unknown): WrittenMessage {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as WrittenMessage) : {}
}
