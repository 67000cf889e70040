import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apiTypes, OPENAPI_FILE, type OpenApi, SCHEMA_FILE } from './api-types.ts'

it('the types of the client are those of docs/openapi.json (npm run ui:types)', () => {
  const document = JSON.parse(readFileSync(OPENAPI_FILE, 'utf8')) as OpenApi
  expect(readFileSync(SCHEMA_FILE, 'utf8')).toBe(apiTypes(document))
})
