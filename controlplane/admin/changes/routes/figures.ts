import type { FastifyInstance } from 'fastify'
import type { ServiceFigures } from '../../../figures/index.ts'
import type { AdminContext } from '../../context.ts'
import type { Editing } from '../../editing.ts'
import { notFound } from '../../http/errors.ts'
import { answers, ref } from '../../schemas/parts.ts'
import { revisionParams } from './parameters.ts'

/** How long a change is looked at, and what came before it, ms. */
const WATCH_MS = 5 * 60_000
const MOST_SERVICES = 20

/** What traffic does after a change, beside what it did before. */
export function revisionFigureRoutes(app: FastifyInstance, need: () => Editing, { figures }: AdminContext): void {
  app.get<{ Params: { revision: number } }>(
    '/api/v1/revisions/:revision/figures',
    {
      config: { refuses: { 404: ['NOT_FOUND'] } },
      schema: {
        operationId: 'getRevisionFigures',
        tags: ['changes'],
        summary: 'Traffic of the services a revision touches, five minutes before it and five minutes after',
        params: revisionParams,
        response: answers(ref('RevisionFigures'), 'Services with the most requests first.'),
      },
    },
    async ({ params: { revision } }) => {
      const subject = need().changes.convergences.subjectOf(revision)
      if (!subject)
        throw notFound(`revision ${revision} is not followed: it was made by hand, or before the control plane started`)
      return { revision, ...figuresAround(figures, subject.services, subject.appliedAt, Date.now()) }
    },
  )
}

/** @param appliedAt and `now` in ms since 1970 */
function figuresAround(
  figures: Pick<ServiceFigures, 'book' | 'reading' | 'since'> | undefined,
  services: readonly string[],
  appliedAt: number,
  now: number,
) {
  const end = Math.min(now, appliedAt + WATCH_MS)
  const start = Math.max(appliedAt - WATCH_MS, Math.min(figures?.since ?? appliedAt, appliedAt))
  const window = (hostname: string, from: number, to: number) => ({
    seconds: Math.round((to - from) / 1_000),
    ...(figures?.book.between(hostname, from, to) ?? { requests: 0, failed: 0 }),
  })
  const all = services
    .map((hostname) => ({
      hostname,
      before: window(hostname, start, appliedAt),
      after: window(hostname, appliedAt, end),
      steps: figures?.book.steps(hostname, start, end) ?? [],
    }))
    .sort((a, b) => b.before.requests + b.after.requests - a.before.requests - a.after.requests)
  return {
    appliedAt: new Date(appliedAt).toISOString(),
    until: new Date(appliedAt + WATCH_MS).toISOString(),
    reading: figures?.reading.length ?? 0,
    more: Math.max(0, all.length - MOST_SERVICES),
    services: all.slice(0, MOST_SERVICES),
  }
}
