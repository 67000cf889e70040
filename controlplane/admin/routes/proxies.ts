import type { FastifyInstance } from 'fastify'
import { RESOURCE_TYPES, type ResourceType } from '../../../proto/types.ts'
import type { AdminContext } from '../context.ts'
import { notFound } from '../http/errors.ts'
import { heldConfig, proxyExchanges, proxyStatus } from '../proxies.ts'
import { allProxies } from '../replicas.ts'
import { answers, listOf, text } from '../schemas/parts.ts'
import { sharedListeners } from '../shared-listeners.ts'
import { PLURAL } from '../translate.ts'

const proxiesAnswer = {
  type: 'object',
  properties: {
    proxies: listOf('Proxy', 'One for each stream.'),
    complete: {
      type: 'boolean',
      description: 'False while other replicas cannot be asked; absent where there are none.',
    },
  },
  required: ['proxies'],
} as const
const nodeId = { type: 'string', minLength: 1, maxLength: 1024, description: 'Node id.' } as const

/** The words of a path for types: `clusters` as well as `cds`. */
const TYPE_OF: Readonly<Record<string, ResourceType>> = Object.fromEntries(
  RESOURCE_TYPES.flatMap((type) => [
    [type, type],
    [PLURAL[type], type],
  ]),
)

const listProxies = {
  operationId: 'listProxies',
  tags: ['proxies'],
  summary: 'Connected proxies, and those that left in the last minutes',
  response: answers(proxiesAnswer, 'In order of connection.'),
}

const getProxy = {
  operationId: 'getProxy',
  tags: ['proxies'],
  summary: 'The streams of one proxy, newest first',
  params: { type: 'object', properties: { node: nodeId }, required: ['node'] },
  response: answers(proxiesAnswer, 'At least one.'),
}

const getProxyExchanges = {
  operationId: 'getProxyExchanges',
  tags: ['proxies'],
  summary: 'What a proxy was sent last, and what it said to it: ACK, or NACK with its words',
  params: { type: 'object', properties: { node: nodeId }, required: ['node'] },
  response: answers(
    {
      type: 'object',
      properties: { node: text('Node id.'), exchanges: listOf('ProxyExchange', 'Newest first.') },
      required: ['node', 'exchanges'],
    },
    'Of its newest stream, newest first; forty at most.',
  ),
}

const getProxyConfig = {
  operationId: 'getProxyConfig',
  tags: ['proxies'],
  summary: 'What a connected proxy was sent, and what of it it has acknowledged',
  params: {
    type: 'object',
    properties: {
      node: nodeId,
      type: { type: 'string', enum: ['all', ...Object.keys(TYPE_OF)], description: 'Kind of resources.' },
    },
    required: ['node', 'type'],
  },
  response: answers(
    {
      type: 'object',
      properties: {
        node: text('Node id.'),
        ...Object.fromEntries(
          Object.values(PLURAL).map((name) => [name, listOf('HeldConfig', 'As it has them, by name.')]),
        ),
      },
      required: ['node'],
    },
    'Lists by kind; kinds the proxy does not ask for are absent.',
  ),
}

/** Who is connected, whether each has what it shall have, and what that is. */
export function proxyRoutes(app: FastifyInstance, context: AdminContext): void {
  const { status } = context
  const elsewhere = async (node: string) => {
    const other = (await allProxies([], context.presence)).proxies.find((proxy) => proxy.node === node)
    const where = other?.connected ? ` here, but to replica ${other.replica}: ask that one` : ''
    return notFound(`no proxy "${node}" is connected${where}`)
  }
  app.get('/api/v1/proxies', { schema: listProxies }, async () => {
    const clients = status.clients()
    const shared = sharedListeners(clients, status)
    return allProxies(
      clients.map((client) => proxyStatus(client, context, shared.get(client.node.id))),
      context.presence,
    )
  })

  app.get<{ Params: { node: string } }>(
    '/api/v1/proxies/:node',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getProxy },
    async ({ params }) => {
      const notice = sharedListeners(status.clients(), status).get(params.node)
      const own = status.client(params.node).map((client) => proxyStatus(client, context, notice))
      const { proxies: all, ...rest } = await allProxies(own, context.presence)
      const proxies = all.filter(({ node }) => node === params.node)
      if (proxies.length === 0) throw notFound(`no proxy "${params.node}" is connected or was in the last minutes`)
      return { proxies, ...rest }
    },
  )

  app.get<{ Params: { node: string } }>(
    '/api/v1/proxies/:node/exchanges',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getProxyExchanges },
    async ({ params: { node } }) => {
      const [client] = status.client(node)
      if (!client) throw await elsewhere(node)
      return { node, exchanges: proxyExchanges(client) }
    },
  )

  app.get<{ Params: { node: string; type: string } }>(
    '/api/v1/proxies/:node/config/:type',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getProxyConfig },
    async ({ params: { node, type } }) => {
      const client = status.client(node).find(({ disconnectedAt }) => disconnectedAt === undefined)
      if (!client) throw await elsewhere(node)
      const types = type === 'all' ? RESOURCE_TYPES : [TYPE_OF[type]!]
      const lists = types.flatMap((one) => {
        const held = heldConfig(client.stream, one, status)
        return held ? [[PLURAL[one], held]] : []
      })
      return { node, ...Object.fromEntries(lists) }
    },
  )
}
