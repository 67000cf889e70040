import type { Revision, RevisionLedger } from '../../ledger/index.ts'
import { notFound } from '../http/errors.ts'

/** A revision by its number, from 1. @throws ApiError 404 when there is none, or it was forgotten */
export function keptRevision(ledger: Pick<RevisionLedger, 'revision'>, id: number): Revision {
  const revision = ledger.revision(id)
  if (!revision) throw notFound(`there is no revision ${id}, or it is no longer kept`)
  return revision
}
