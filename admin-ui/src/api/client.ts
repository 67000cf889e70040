import createClient from 'openapi-fetch'
import { ApiProblem, problemOf } from './problem.ts'
import type { paths } from './schema.ts'

let csrf: string | undefined

/** Sent with every write of a session; `getSession` and `login` tell it. */
export function rememberCsrf(token: string | undefined): void {
  csrf = token
}

let sessionEnded = () => {}

/** Calls `listener` for every answer that asks for a login, but those to a login itself or to the question who this is. */
export function onSessionEnd(listener: () => void): void {
  sessionEnded = listener
}

const ASKS_WHO = new Set(['/api/v1/session', '/api/v1/login'])

/** The HTTP API, typed by its OpenAPI document. Use `ask` around its calls. */
export const api = createClient<paths>({ baseUrl: '/' })

api.use({
  onRequest({ request }) {
    if (csrf !== undefined && request.method !== 'GET') request.headers.set('x-csrf-token', csrf)
    return request
  },
  onResponse({ response, schemaPath }) {
    if (response.status === 401 && !ASKS_WHO.has(schemaPath)) sessionEnded()
    return response
  },
})

type Answer<Data> =
  | { data: Data; error?: never; response: Response }
  | { data?: never; error: unknown; response: Response }

/** The data of a call. @throws ApiProblem for every other answer, and when there is none */
export async function ask<Data>(call: Promise<Answer<Data>>): Promise<Data> {
  const answer = await call.catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiProblem(0, { code: 'NO_ANSWER', message: String(error) })
  })
  if (answer.error !== undefined || !answer.response.ok) throw problemOf(answer.response.status, answer.error)
  return answer.data as Data
}
