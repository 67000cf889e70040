import type { FastifyInstance } from 'fastify'
import { installAccess, neededRole } from './access/access.ts'
import { auditRoutes } from './access/audit-routes.ts'
import { LoginLimit } from './access/login-limit.ts'
import { sessionRoutes } from './access/session-routes.ts'
import { tokenRoutes } from './access/token-routes.ts'
import { changeRoutes } from './changes/routes/changes.ts'
import { convergenceRoutes } from './changes/routes/convergence.ts'
import { documentRoutes } from './changes/routes/documents.ts'
import { eventRoutes } from './changes/routes/events.ts'
import { revisionFigureRoutes } from './changes/routes/figures.ts'
import { revisionRoutes } from './changes/routes/revisions.ts'
import { ruleRoutes } from './changes/routes/rules.ts'
import type { AdminContext } from './context.ts'
import type { NoEditing } from './editing.ts'
import { ApiError } from './http/errors.ts'

const READ_ONLY: NoEditing = {
  reason:
    'the configuration cannot be changed here: its folder cannot be written to, so there is no history and there are no users',
  closed: false,
}

/** Access control; before any route. Without `editing` nothing can be changed, and everything read unless it is closed. */
export function prepareEditing(app: FastifyInstance, context: Pick<AdminContext, 'editing' | 'noEditing'>): void {
  app.addHook('onRequest', async (request) => {
    const { editing, noEditing } = context
    if (!editing && noEditing?.closed && neededRole(request) !== 'public')
      throw new ApiError(503, 'USERS_UNKNOWN', noEditing.reason)
  })
  installAccess(app, () => context.editing)
}

/** The routes; they answer 503 when the configuration cannot be changed here. */
export function editingRoutes(app: FastifyInstance, context: AdminContext): void {
  const need = () => {
    const { editing, noEditing = READ_ONLY } = context
    if (!editing) throw new ApiError(503, 'READ_ONLY', noEditing.reason)
    return editing
  }
  ruleRoutes(app, context)
  documentRoutes(app, need)
  revisionRoutes(app, need)
  changeRoutes(app, need, context)
  convergenceRoutes(app, need)
  eventRoutes(app, need)
  revisionFigureRoutes(app, need)
  sessionRoutes(app, need, new LoginLimit())
  tokenRoutes(app, need)
  auditRoutes(app, need)
}
