import type { FastifyInstance } from 'fastify'
import { hostAndPort } from '../../bootstrap/host-port.ts'
import type { DestinationRuleSpec } from '../../config/kinds/destination-rule.ts'
import { expandShortName } from '../../model/hosts.ts'
import { defaultTableSize } from '../../xds/clusters/index.ts'
import type { AdminContext } from '../context.ts'
import { badRequest, notFound } from '../http/errors.ts'
import { maglevPreview } from '../policies/maglev-preview.ts'
import { answers, ref } from '../schemas/parts.ts'

/** Tables are built for each endpoint that might leave: both together bound the work. */
const MOST_SLOTS = 20_000_000

const previewMaglev = {
  operationId: 'previewMaglev',
  tags: ['mesh'],
  summary: 'Which endpoint a key hits with Maglev, and how much moves when one leaves',
  params: {
    type: 'object',
    properties: { hostname: { type: 'string', description: 'In full; in any case.' } },
    required: ['hostname'],
  },
  querystring: {
    type: 'object',
    properties: {
      port: { type: 'integer', minimum: 1, maximum: 65535, description: 'Of the service; the first if not given.' },
      subset: { type: 'string', maxLength: 253, description: 'Only its endpoints.' },
      size: {
        type: 'integer',
        minimum: 2,
        maximum: 5_000_011,
        description: 'Of the table, a prime. What the cluster gets where no rule says a size, if not given.',
      },
      key: {
        type: 'array',
        maxItems: 100,
        items: { type: 'string', maxLength: 1024 },
        description: 'What is hashed: the value of the header, cookie or parameter, or the address of the client.',
      },
    },
  },
  response: answers(ref('MaglevPreview'), 'All endpoints, healthy or not.'),
}

interface Asked {
  Params: { hostname: string }
  Querystring: { port?: number; subset?: string; size?: number; key?: string[] }
}

/** Where a hashed key goes. */
export function maglevRoutes(app: FastifyInstance, { mesh, config }: Pick<AdminContext, 'mesh' | 'config'>): void {
  const { registry, endpoints, settings } = mesh.model

  app.get<Asked>(
    '/api/v1/services/:hostname/maglev',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: previewMaglev },
    async ({ params, query: { port: number, subset, size: asked, key = [] } }) => {
      const service = registry.byHostname().get(params.hostname.toLowerCase())?.[0]
      if (!service) throw notFound(`no service has the hostname ${params.hostname}`)
      const port = number === undefined ? service.ports[0] : service.ports.find((one) => one.number === number)
      if (!port) throw notFound(`${service.hostname} has no port ${number}`)
      const labels = Object.entries(subset ? subsetLabels(service.hostname, subset) : {})
      const all = endpoints.look(service, port)
      const chosen = all.filter((one) => labels.every(([name, value]) => one.labels[name] === value))
      const size = asked ?? defaultTableSize(all.length)
      if (size * (chosen.length + 1) > MOST_SLOTS)
        throw badRequest(
          `a table of ${size} for ${chosen.length} endpoints is too much for a preview; choose a smaller prime`,
        )
      const hosts = chosen.map(({ address: host, port: own, weight }) => ({
        address: hostAndPort({ host, port: own }),
        weight,
      }))
      try {
        return maglevPreview(hosts, size, key)
      } catch (error) {
        if (error instanceof RangeError) throw badRequest(error.message)
        throw error
      }
    },
  )

  function subsetLabels(hostname: string, subset: string): Readonly<Record<string, string>> {
    for (const { kind, spec, namespace } of config.objects.values()) {
      if (kind !== 'DestinationRule') continue
      const { host, subsets } = spec as DestinationRuleSpec
      if (expandShortName(host, namespace, settings().domain) !== hostname) continue
      const found = subsets?.find(({ name }) => name === subset)
      if (found) return found.labels ?? {}
    }
    throw notFound(`no DestinationRule for ${hostname} declares the subset ${subset}`)
  }
}
