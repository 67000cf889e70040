import createClient from 'openapi-fetch'
import { ApiProblem, problemOf } from './problem.ts'
import type { paths } from './schema.ts'

let csrf: string | undefined

/** Sent with every write of a session; `getSession` and `login` tell it. */
export function rememberCsrf(token: string | undefined): void {
  csrf = token
}

/** The HTTP API, typed by its OpenAPI document. Use `ask` around its calls. */
export const api = createClient<paths>({ baseUrl: '/' })

api.use({
  onRequest({ request }) {
    if (csrf !== undefined && request.method !== 'GET') request.headers.set('x-csrf-token', csrf)
    return request
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
