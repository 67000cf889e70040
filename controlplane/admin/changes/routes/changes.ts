import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FileRefusedError } from '../../../ledger/index.ts'
import type { Actor } from '../../access/access.ts'
import type { AdminContext } from '../../context.ts'
import type { Editing } from '../../editing.ts'
import { ApiError, badRequest } from '../../http/errors.ts'
import { answers, ref } from '../../schemas/parts.ts'
import { ChangeConflict, type SentFile, type StepBack } from '../changes.ts'
import type { PlannedFile } from '../planner.ts'
import { changesPrograms } from '../programs.ts'
import { shownConflict, shownPlan, shownRevision } from '../show.ts'

const LARGEST_BODY_BYTES = 16 * 1024 * 1024
const revision = { type: 'integer', minimum: 0 } as const
const reason = {
  type: 'string',
  minLength: 1,
  maxLength: 2_000,
  pattern: '\\S',
  description: 'Why, for the history.',
} as const
const planId = { type: 'string', pattern: '^[0-9a-f]{32}$', description: 'The hash that plan answered.' } as const

const changeSet = {
  type: 'array',
  description: 'Files with their new texts.',
  minItems: 1,
  maxItems: 1_000,
  items: {
    type: 'object',
    required: ['file'],
    additionalProperties: false,
    properties: {
      file: { type: 'string', minLength: 1, maxLength: 512, description: 'Below the folder of configuration.' },
      text: { type: 'string', description: 'The whole new text.' },
      delete: { type: 'boolean', enum: [true], description: 'Instead of a text.' },
    },
  },
} as const

const stepBack = {
  to: { ...revision, minimum: 1, description: 'Go back to the state after this revision.' },
  undo: { ...revision, minimum: 1, description: 'Take back what this revision did, and nothing else.' },
} as const

interface WrittenFile {
  readonly file: string
  readonly text?: string
  readonly delete?: true
}

interface PlanBody {
  readonly base?: number
  readonly changes?: readonly WrittenFile[]
  readonly to?: number
  readonly undo?: number
}

const conflict = {
  ...ref('Conflict'),
  description: 'Somebody else changed the same files, or it is not what was planned.',
}

/** Why a change or a step back is not made. */
const REFUSED_WRITES = {
  404: ['NOT_FOUND'],
  409: ['CONFLICT', 'PLAN_STALE'],
  422: ['NO_CHANGE', 'INVALID'],
  499: ['GIVEN_UP'],
  503: ['STORE_UNAVAILABLE'],
} as const

const plan = {
  operationId: 'plan',
  tags: ['changes'],
  summary: 'What a change set, or a step back, would do; nothing is changed',
  body: {
    type: 'object',
    additionalProperties: false,
    properties: {
      base: { ...revision, description: 'The revision the change was made for; the newest if not given.' },
      changes: changeSet,
      ...stepBack,
    },
  },
  response: { ...answers(ref('Plan'), 'What it would do.'), 409: conflict },
}

const apply = {
  operationId: 'apply',
  tags: ['changes'],
  summary: 'Write a change set that was planned, as a new revision',
  body: {
    type: 'object',
    required: ['plan', 'base', 'changes', 'reason'],
    additionalProperties: false,
    properties: {
      plan: planId,
      base: { ...revision, description: 'As it was planned with.' },
      changes: changeSet,
      reason,
    },
  },
  response: { ...answers(ref('Revision'), 'Written; convergence tells when proxies have it.'), 409: conflict },
}

const rollback = {
  operationId: 'rollback',
  tags: ['changes'],
  summary: 'Go back to a revision, or take one back, as a new revision',
  body: {
    type: 'object',
    required: ['reason'],
    additionalProperties: false,
    properties: { ...stepBack, plan: planId, reason },
  },
  response: { ...answers(ref('Revision'), 'Written.'), 409: conflict },
}

/** What a change would do, doing it and going back. */
export function changeRoutes(app: FastifyInstance, need: () => Editing, context: AdminContext): void {
  app.post<{ Body: PlanBody }>(
    '/api/v1/plan',
    {
      bodyLimit: LARGEST_BODY_BYTES,
      config: {
        refuses: { 404: ['NOT_FOUND'], 409: ['CONFLICT'], 422: ['NO_CHANGE'], 499: ['GIVEN_UP'] },
        access: 'viewer',
        reads: true,
      },
      schema: plan,
    },
    async (request, reply) =>
      orConflict(need(), request, reply, async ({ changes }) =>
        shownPlan(changes, request.actor, filesOf(need(), request.body), context, () => !reply.raw.destroyed),
      ),
  )

  app.post<{ Body: { plan: string; base: number; changes: readonly WrittenFile[]; reason: string } }>(
    '/api/v1/apply',
    {
      bodyLimit: LARGEST_BODY_BYTES,
      config: { refuses: REFUSED_WRITES },
      schema: apply,
    },
    async (request, reply) => {
      const { plan, base, changes: sent, reason: why } = request.body
      return orConflict(need(), request, reply, async ({ changes }) => {
        const files = filesOf(need(), { base, changes: sent })
        requireRights(request.actor, files)
        const by = { who: request.actor?.name ?? 'local', why, source: 'api', refers: undefined } as const
        return shownRevision(await changes.apply(files, plan, by))
      })
    },
  )

  app.post<{ Body: { to?: number; undo?: number; plan?: string; reason: string } }>(
    '/api/v1/rollback',
    { config: { refuses: REFUSED_WRITES }, schema: rollback },
    async (request, reply) => {
      const { plan, to, undo, reason: why } = request.body
      return orConflict(need(), request, reply, async ({ changes }) => {
        const files = filesOf(need(), request.body)
        requireRights(request.actor, files)
        const by = { who: request.actor?.name ?? 'local', why, source: 'rollback', refers: to ?? undo } as const
        return shownRevision(await changes.apply(files, plan, by))
      })
    },
  )
}

/** The files of a request, each with what it replaces. @throws ApiError */
function filesOf({ changes }: Editing, { base, changes: sent, to, undo }: PlanBody): readonly PlannedFile[] {
  const given = [sent, to, undo].filter((one) => one !== undefined)
  if (given.length !== 1) throw badRequest('give one of changes, to and undo')
  if (sent) return changes.changeSet(sent.map(sentFile), base ?? changes.ledger.head)
  return changes.stepBack((to === undefined ? { undo } : { to }) as StepBack)
}

function sentFile({ file, text, delete: gone }: WrittenFile): SentFile {
  if ((text === undefined) === (gone === undefined)) throw badRequest(`${file}: give either text or delete`)
  return text === undefined ? { file, delete: true } : { file, text }
}

/** Answers a conflict with the texts to bring together, and a file that may not be written as the mistake of the caller it is. */
async function orConflict<Answer>(
  editing: Editing,
  { actor }: FastifyRequest,
  reply: FastifyReply,
  work: (editing: Editing) => Promise<Answer>,
) {
  try {
    return await work(editing)
  } catch (error) {
    if (error instanceof FileRefusedError) throw badRequest(error.message)
    if (!(error instanceof ChangeConflict)) throw error
    return reply.status(409).send(shownConflict(editing.changes, actor, error))
  }
}

/** @throws ApiError when the change decides which programs run and the one who asks is no admin */
function requireRights(actor: Actor | undefined, files: readonly PlannedFile[]): void {
  if (!actor || actor.role === 'admin' || !changesPrograms(files)) return
  throw new ApiError(
    403,
    'ROLE_NEEDED',
    `this changes which programs run (spec.processes or spec.proxies of Mesh, spec.module of Protocol), which needs the role admin; ${actor.name} is ${actor.role}`,
  )
}
