import type { FastifyInstance } from 'fastify'
import type { Origin } from '../../config/object.ts'
import { places } from '../../explain/step.ts'
import type { Endpoint, Service } from '../../model/service.ts'
import type { AdminContext } from '../context.ts'
import { notFound } from '../http/errors.ts'
import { answers, listOf } from '../schemas/parts.ts'

const listServices = {
  operationId: 'listServices',
  tags: ['mesh'],
  summary: 'All services with their endpoints',
  querystring: {
    type: 'object',
    properties: { namespace: { type: 'string', description: 'Only services of this namespace.' } },
  },
  response: answers(
    { type: 'object', properties: { services: listOf('Service', 'By hostname.') }, required: ['services'] },
    'In order of precedence.',
  ),
}

const getService = {
  operationId: 'getService',
  tags: ['mesh'],
  summary: 'The services with a hostname, one for each namespace that declares it',
  params: { type: 'object', properties: { hostname: { type: 'string', description: 'In full; in any case.' } } },
  response: answers(
    {
      type: 'object',
      properties: { services: listOf('Service', 'One for each namespace that declares it.') },
      required: ['services'],
    },
    'At least one.',
  ),
}

/** The registry as the mesh sees it, before any proxy's scope. */
export function serviceRoutes(app: FastifyInstance, { mesh }: AdminContext): void {
  const { registry, endpoints, world } = mesh.model
  const placeOf = (origin: Origin) => places([world.live(origin)])[0]!

  const shownEndpoint = ({ address, port, weight, health, labels, locality, origin }: Endpoint) => ({
    address,
    port,
    weight,
    health: health ?? 'healthy',
    labels,
    locality: [locality.region, locality.zone, locality.subZone].filter(Boolean).join('/'),
    place: placeOf(origin),
  })
  const shown = (service: Service) => {
    const { hostname, namespace, resolution, meshExternal, addresses, exportTo, ports, origin } = service
    return {
      hostname,
      namespace,
      resolution,
      meshExternal,
      addresses,
      exportTo,
      endpointsKnown: endpoints.known(service),
      ports: ports.map((port) => ({
        number: port.number,
        name: port.name,
        protocol: port.protocolName,
        endpoints: endpoints.look(service, port).map(shownEndpoint),
      })),
      place: placeOf(origin),
    }
  }

  app.get<{ Querystring: { namespace?: string } }>('/api/v1/services', { schema: listServices }, async ({ query }) => ({
    services: registry
      .services()
      .filter((service) => !query.namespace || service.namespace === query.namespace)
      .map(shown),
  }))

  app.get<{ Params: { hostname: string } }>(
    '/api/v1/services/:hostname',
    { config: { refuses: { 404: ['NOT_FOUND'] } }, schema: getService },
    async ({ params }) => {
      const found = registry.byHostname().get(params.hostname.toLowerCase()) ?? []
      if (found.length === 0) throw notFound(`no service has the hostname ${params.hostname}`)
      return { services: found.map(shown) }
    },
  )
}
