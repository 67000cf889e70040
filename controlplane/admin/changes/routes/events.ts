import type { FastifyInstance, FastifyRequest } from 'fastify'
import { actorOf } from '../../access/access.ts'
import type { Editing } from '../../editing.ts'

const RECHECK_MS = 15_000

/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function eventRoutes(app: FastifyInstance, need: () => Editing): void {
  app.get<{ Headers: { 'last-event-id'?: string } }>(
    '/api/v1/events',
    {
      schema: {
        operationId: 'events',
        tags: ['changes'],
        summary: 'What happens, as it happens: revision, config, convergence, proxies, resync',
        headers: {
          type: 'object',
          properties: {
            'last-event-id': {
              type: 'string',
              maxLength: 64,
              description: 'Id of the last event that arrived: those missed since are sent first.',
            },
          },
        },
        response: {
          200: {
            description: 'A stream that stays open; a comment every 15 s. After `resync`, ask for everything anew.',
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
        },
      },
    },
    (request, reply) => {
      const editing = need()
      const { events } = editing.changes
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'x-accel-buffering': 'no',
      })
      const sink = {
        write: (text: string) => void raw.write(text),
        // A client that reads nothing would never see an orderly end.
        end: () => void raw.destroy(),
        get buffered() {
          return raw.writableLength
        },
      }
      const remove = events.add(sink, request.actor?.name ?? '', request.headers['last-event-id'])
      // Who loses the right to listen hears no more.
      const recheck = setInterval(() => {
        if (!mayListen(request, editing)) sink.end()
      }, RECHECK_MS)
      raw.on('close', () => {
        clearInterval(recheck)
        remove()
      })
    },
  )
}

/** Who cannot be checked, since the database cannot be read, is let go: the next request tells why. */
function mayListen(request: FastifyRequest, editing: Editing): boolean {
  try {
    return actorOf(request, editing) !== undefined
  } catch (error) {
    request.log.warn({ err: error }, 'a client that listens to events cannot be checked')
    return false
  }
}
