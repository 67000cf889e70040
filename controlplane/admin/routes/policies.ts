import type { FastifyInstance } from 'fastify'
import { hostAndPort } from '../../bootstrap/host-port.ts'
import type { ConfigObject } from '../../config/object.ts'
import { formatPath } from '../../diagnostics/diagnostic.ts'
import { places } from '../../explain/explain.ts'
import { defaultTableSize } from '../../xds/clusters/index.ts'
import type { AdminContext } from '../context.ts'
import { badRequest, notFound } from '../http/errors.ts'
import { maglevPreview } from '../policies/maglev-preview.ts'
import { POLICY_TOPICS, type Policy, type PolicyTopic, policiesOf } from '../policies/policies.ts'
import { topologyOf } from '../policies/topology.ts'
import { answers, listOf, ref } from '../schemas/parts.ts'

/** Tables are built for each endpoint that might leave: both together bound the work. */
const MOST_SLOTS = 20_000_000
const MOST_CALLS = 20_000
/** Which edges come first; sums are of all time. */
const RECENT_MS = 5 * 60_000

/** What rules do to services, who calls whom, and where a hashed key goes. */
export function policyRoutes(app: FastifyInstance, { mesh, config, status, reports }: AdminContext): void {
  const { registry, endpoints, world, settings } = mesh.model
  let read: { objects: ReadonlyMap<string, ConfigObject>; policies: readonly Policy[] } | undefined
  // Objects are a new map after each reading, and the same one until then.
  const policies = () => {
    const { objects } = config
    if (read?.objects !== objects) read = { objects, policies: policiesOf(objects, settings().domain) }
    return read.policies
  }

  app.get<{ Querystring: { service?: string; topic?: PolicyTopic } }>(
    '/api/v1/policies',
    {
      schema: {
        operationId: 'listPolicies',
        tags: ['mesh'],
        summary: 'What rules do to services: splits, faults, limits, retries, mirrors, load balancing',
        querystring: {
          type: 'object',
          properties: {
            service: { type: 'string', maxLength: 512, description: 'Only of the service with this hostname.' },
            topic: { type: 'string', enum: [...POLICY_TOPICS], description: 'Only what is about this.' },
          },
        },
        response: answers(
          {
            type: 'object',
            properties: { policies: listOf('Policy', 'By precedence of their documents.') },
            required: ['policies'],
          },
          'In order of precedence of their documents.',
        ),
      },
    },
    async ({ query: { service, topic } }) => ({
      policies: policies()
        .filter((one) => (!topic || one.topic === topic) && (!service || one.services.includes(service.toLowerCase())))
        .map(({ topic: about, object, path, services, match, values, expiresAt }) => ({
          topic: about,
          document: object.key,
          path: formatPath(path),
          place: places([world.origin(object, path)])[0],
          services,
          match,
          values,
          ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
        })),
    }),
  )

  app.get(
    '/api/v1/topology',
    {
      schema: {
        operationId: 'getTopology',
        tags: ['mesh'],
        summary: 'Services and calls between them, from rules and, where proxies report, from traffic',
        response: answers(ref('Topology'), 'Nodes and edges.'),
      },
    },
    async () =>
      topologyOf({
        services: registry.services(),
        endpoints: (service) =>
          Math.max(
            0,
            ...service.ports.map(
              (port) => new Set(endpoints.look(service, port).map(({ address, port: at }) => `${address}:${at}`)).size,
            ),
          ),
        objects: config.objects,
        policies: policies(),
        domain: settings().domain,
        calls: calls(),
      }),
  )

  /** By load reports, which count each request; by access logs for callers that send none. */
  function* calls() {
    let told = 0
    const reporting = new Set<string>()
    for (const { node } of status.clients()) {
      const workload = node.id.split('~')[2]
      if (!workload) continue
      for (const { cluster, issued, failed } of reports?.load.clustersOf(node.id) ?? []) {
        if (++told > MOST_CALLS) return
        reporting.add(workload)
        yield { workload, cluster, issued, failed }
      }
    }
    for (const { caller, cluster, requests, connections, statuses } of reports?.access.allEdges(RECENT_MS) ?? []) {
      const workload = `${caller.workload}.${caller.namespace}`
      if (reporting.has(workload)) continue
      if (++told > MOST_CALLS) return
      const failed = (statuses['5xx'] ?? 0) + (statuses['none'] ?? 0)
      yield { workload, cluster, issued: requests + connections, failed }
    }
  }

  app.get<{
    Params: { hostname: string }
    Querystring: { port?: number; subset?: string; size?: number; key?: string[] }
  }>(
    '/api/v1/services/:hostname/maglev',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
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
            port: {
              type: 'integer',
              minimum: 1,
              maximum: 65535,
              description: 'Of the service; the first if not given.',
            },
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
              description:
                'What is hashed: the value of the header, cookie or parameter, or the address of the client.',
            },
          },
        },
        response: answers(ref('MaglevPreview'), 'All endpoints, healthy or not.'),
      },
    },
    async ({ params, query: { port: number, subset, size: asked, key = [] } }) => {
      const service = registry.byHostname().get(params.hostname.toLowerCase())?.[0]
      if (!service) throw notFound(`no service has the hostname ${params.hostname}`)
      const port = number === undefined ? service.ports[0] : service.ports.find((one) => one.number === number)
      if (!port) throw notFound(`${service.hostname} has no port ${number}`)
      const labels = subset ? subsetLabels(service.hostname, subset) : {}
      const all = endpoints.look(service, port)
      const size = asked ?? defaultTableSize(all.length)
      const chosen = all.filter((one) => Object.entries(labels).every(([name, value]) => one.labels[name] === value))
      if (size * (chosen.length + 1) > MOST_SLOTS)
        throw badRequest(
          `a table of ${size} for ${chosen.length} endpoints is too much for a preview; choose a smaller prime`,
        )
      try {
        const hosts = chosen.map(({ address: host, port: own, weight }) => ({
          address: hostAndPort({ host, port: own }),
          weight,
        }))
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
      const { host, subsets } = spec as {
        host?: string
        subsets?: readonly { name: string; labels?: Readonly<Record<string, string>> }[]
      }
      const full = host?.includes('.') ? host : `${host}.${namespace}.svc.${settings().domain}`
      const found = full.toLowerCase() === hostname && subsets?.find(({ name }) => name === subset)
      if (found) return found.labels ?? {}
    }
    throw notFound(`no DestinationRule for ${hostname} declares the subset ${subset}`)
  }
}
