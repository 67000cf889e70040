import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

interface Operation {
  readonly operationId: string
  readonly summary?: string
  readonly parameters?: readonly { readonly name: string; readonly description?: string }[]
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly schema: { readonly properties?: Described } } }
  }
  readonly responses: Readonly<Record<string, { readonly description: string }>>
}

type Described = Readonly<Record<string, { readonly description?: string; readonly $ref?: string }>>

const { paths } = JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}
const operations = Object.values(paths).flatMap((methods) => Object.values(methods))

describe('the description of the API', () => {
  it('has a summary of every operation, and says what each parameter and part of a body means', () => {
    const silent = operations.flatMap(({ operationId, summary, parameters = [], requestBody }) => [
      ...(summary ? [] : [operationId]),
      ...parameters.filter(({ description }) => !description).map(({ name }) => `${operationId} ${name}`),
      ...Object.entries(requestBody?.content['application/json'].schema.properties ?? {})
        .filter(([, { description, $ref }]) => !description && !$ref)
        .map(([name]) => `${operationId} ${name}`),
    ])
    expect(silent).toEqual([])
  })

  it('lists every error with its code', () => {
    const here = fileURLToPath(new URL('..', import.meta.url))
    const thrown = readdirSync(here, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.includes('.test.'))
      .flatMap((file) => [
        ...readFileSync(`${here}/${file}`, 'utf8').matchAll(/new ApiError\(\s*(\d+),\s*'([A-Z_]+)'/g),
      ])
      .map(([, status, code]) => ({ status: status!, code: code! }))
    expect(thrown.length).toBeGreaterThan(15)
    const unlisted = thrown.filter(
      ({ status, code }) => !operations.some(({ responses }) => responses[status]?.description.includes(`\`${code}\``)),
    )
    expect(unlisted).toEqual([])
  })
})
