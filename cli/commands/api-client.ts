import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type Command, Option } from 'commander'
import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import { CommandError } from '../errors.ts'
import { apiAddress } from '../options/arguments.ts'

export interface ApiOptions {
  readonly api: HostPort & { readonly tls?: boolean }
  readonly apiCa?: string
  readonly apiCert?: string
  readonly apiKey?: string
  readonly tokenFile?: string
}

/** Adds the options that say where the running control plane is. */
export function withApiOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--api <host:port>', 'where the control plane serves its API; its URL will do as well')
        .argParser(apiAddress)
        .default({ host: '127.0.0.1', port: 18080 }, '127.0.0.1:18080'),
    )
    .option('--api-ca <file>', "CA of the API's certificate; turns TLS on")
    .option('--api-cert <file>', 'certificate to show to the API')
    .option('--api-key <file>', 'its private key')
    .option('--token-file <file>', 'token to ask with, once users are defined (or MESHGATE_TOKEN)')
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
  const shown = hostAndPort(options.api)
  const token = await tokenOf(options.tokenFile)
  const { status, text } = await call(options, path, body, token).catch((error: NodeJS.ErrnoException) => {
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
  const { code, message } = answer as { code?: string; message?: string }
  if (code === 'LOGIN_NEEDED')
    throw new CommandError(`${message}\ngive a token in the environment, MESHGATE_TOKEN, or in a file, --token-file`)
  throw new CommandError(message ?? `the API answered ${status}`)
}

async function call(
  { api, apiCa, apiCert, apiKey }: ApiOptions,
  path: string,
  body: string | undefined,
  token: string | undefined,
): Promise<{ status: number; text: string }> {
  const file = async (name: string | undefined) => (name ? await readFile(name) : undefined)
  const [ca, cert, key] = await Promise.all([file(apiCa), file(apiCert), file(apiKey)])
  const tls =
    api.tls || ca || cert ? { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) } : undefined
  return new Promise((resolve, reject) => {
    const options = {
      ...{ host: api.host, port: api.port, path, timeout: 30_000 },
      ...(body === undefined ? {} : { method: 'POST' }),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
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

/** The token to send; a file is preferred to the environment, which other processes may see. @throws CommandError */
async function tokenOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return process.env['MESHGATE_TOKEN'] || undefined
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new CommandError(`the token cannot be read: ${error.message}`)
  })
  const token = text.trim()
  if (!/^mg_[\w-]+$/.test(token)) throw new CommandError(`${file} holds no token; tokens begin with mg_`)
  return token
}
