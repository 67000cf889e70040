import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Command } from 'commander'
import type { HostPort } from '../controlplane/bootstrap/envoy.ts'
import { addressOption } from './arguments.ts'
import { CommandError } from './errors.ts'

export interface ApiOptions {
  readonly api: HostPort
  readonly apiCa?: string
  readonly apiCert?: string
  readonly apiKey?: string
}

/** Adds the options that say where the running control plane is. */
export function withApiOptions(command: Command): Command {
  return command
    .addOption(addressOption('--api', 'where the control plane serves its API', 'real port', 18080))
    .option('--api-ca <file>', "CA of the API's certificate; turns TLS on")
    .option('--api-cert <file>', 'certificate to show to the API')
    .option('--api-key <file>', 'its private key')
}

/** GET on the API. @throws CommandError in words for people. */
export function getFromApi<Answer>(options: ApiOptions, path: string): Promise<Answer> {
  return askApi(options, path, undefined)
}

/** POST on the API. @throws CommandError in words for people. */
export function postToApi<Answer>(options: ApiOptions, path: string, body: object): Promise<Answer> {
  return askApi(options, path, JSON.stringify(body))
}

async function askApi<Answer>(options: ApiOptions, path: string, body: string | undefined): Promise<Answer> {
  const { host, port } = options.api
  const shown = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const { status, text } = await call(options, path, body).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED')
      throw new CommandError(`no control plane answers at ${shown}; start one with "meshgate up" or name it with --api`)
    throw new CommandError(`the API at ${shown} cannot be asked: ${error.message}`)
  })
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new CommandError(`what answers at ${shown} is no meshgate API (status ${status})`)
  }
  if (status === 200) return answer as Answer
  const { message } = answer as { message?: string }
  throw new CommandError(message ?? `the API answered ${status}`)
}

async function call(
  { api, apiCa, apiCert, apiKey }: ApiOptions,
  path: string,
  body: string | undefined,
): Promise<{ status: number; text: string }> {
  const file = async (name: string | undefined) => (name ? await readFile(name) : undefined)
  const [ca, cert, key] = await Promise.all([file(apiCa), file(apiCert), file(apiKey)])
  const tls = ca || cert ? { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) } : undefined
  return new Promise((resolve, reject) => {
    const options = {
      ...{ host: api.host, port: api.port, path, timeout: 30_000 },
      ...(body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' } }),
    }
    const request = tls ? httpsRequest({ ...options, ...tls }) : httpRequest(options)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new Error('no answer within 30 s')))
    request.on('error', reject)
    request.end(body)
  })
}
