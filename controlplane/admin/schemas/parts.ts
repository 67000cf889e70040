/** What the JSON schemas of the API are made of. Every property says what it is: a test reads the whole description of the API. */

export const text = (description: string) => ({ type: 'string', description }) as const
export const number = (description: string) => ({ type: 'number', description }) as const
export const whole = (description: string) => ({ type: 'integer', description }) as const
export const flag = (description: string) => ({ type: 'boolean', description }) as const
/** ISO 8601. */
export const moment = (description: string) => ({ type: 'string', format: 'date-time', description }) as const
export const texts = (description: string) => ({ type: 'array', items: { type: 'string' }, description }) as const
export const one = (words: readonly string[], description: string) =>
  ({ type: 'string', enum: [...words], description }) as const
export const counts = (description: string) =>
  ({ type: 'object', additionalProperties: { type: 'integer' }, description }) as const

/** A message of the Envoy API in canonical protobuf JSON. */
export const envoyMessage = {
  type: 'object',
  description: 'A message of the Envoy API in canonical protobuf JSON; secrets are redacted.',
  additionalProperties: true,
} as const

export const ref = (name: string) => ({ $ref: `${name}#` }) as const
export const listOf = (name: string, description: string) => ({ type: 'array', items: ref(name), description }) as const

type Properties = Readonly<Record<string, object>>

/** An object of these properties, all required but the optional ones. */
export const part = <P extends Properties>(properties: P, optional: readonly string[] = []) => ({
  type: 'object' as const,
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
})

/** A list of such objects. */
export const parts = (description: string, properties: Properties, optional: readonly string[] = []) =>
  ({ type: 'array', description, items: part(properties, optional) }) as const

/** A schema of an object of exactly these properties, all required but the optional ones. */
export const object = ($id: string, description: string, properties: Properties, optional: readonly string[] = []) => ({
  $id,
  description,
  ...part(properties, optional),
  additionalProperties: false,
})

/** How long requests took. */
export const times = {
  p50Ms: number('Half of them took no longer, ms. Absent where no proxy tells how long requests take.'),
  p95Ms: number('95 of 100 of them took no longer, ms. Absent as `p50Ms`.'),
  p99Ms: number('99 of 100 of them took no longer, ms. Absent as `p50Ms`.'),
} as const
/** Traffic in some time. */
export const figures = {
  requests: whole('HTTP requests that came to an end, messages, or TCP connections that were asked for.'),
  failed: whole('Server errors and no answers, of these requests.'),
  ...times,
} as const
export const NO_LATENCY = ['p50Ms', 'p95Ms', 'p99Ms'] as const

/** An object with a list under a name. */
export const named = (name: string, schema: string, description: string) =>
  part({ [name]: listOf(schema, description) })

/** The same in English and in Chinese. */
export const inBoth = (description: string) => ({
  ...part({ en: text('In English.'), zh: text('In Chinese.') }),
  description,
})

/** `<kind>/<namespace>/<name>` */
export const document = (description: string) => text(`${description}: \`<kind>/<namespace>/<name>\`.`)

/** The answers of a route: its own, and the error every route may give. */
export function answers(schema: object, description: string) {
  return { 200: { description, ...schema }, default: { ...ref('Error'), description: 'What went wrong.' } }
}
