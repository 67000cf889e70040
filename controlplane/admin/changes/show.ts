import type { ChangedFile, Revision } from '../../ledger/index.ts'
import type { Actor } from '../access/access.ts'
import { callersOf } from './callers.ts'
import type { ChangeConflict, Changes } from './changes.ts'
import { type PlannedFile, planHash } from './planner.ts'
import { unifiedDiff } from './unified-diff.ts'

const MOST_NODES = 100

/** A text as somebody may see it. Private keys are shown to admins who logged in only. */
export function visibleText(
  changes: Changes,
  actor: Actor | undefined,
  file: string,
  bytes: Uint8Array | undefined,
): { readonly text?: string; readonly withheld?: 'secret' | 'binary' } {
  if (bytes === undefined) return {}
  if (actor?.role !== 'admin' && changes.isSensitive(file, bytes)) return { withheld: 'secret' }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { withheld: 'binary' }
  }
}

/** A changed file with its difference, if it may be seen. */
export function shownFile(changes: Changes, actor: Actor | undefined, { file, before, after }: PlannedFile) {
  const old = visibleText(changes, actor, file, before)
  const now = visibleText(changes, actor, file, after)
  const withheld = old.withheld ?? now.withheld
  return {
    file,
    change: kindOf(before, after),
    ...(withheld ? { withheld } : { diff: unifiedDiff(file, old.text, now.text) }),
  }
}

/** A revision as the API tells it: which files it changed, not how. */
export function shownRevision({ id, parent, at, who, why, source, refers, files }: Revision) {
  return {
    id,
    ...(parent === undefined ? {} : { parent }),
    at: new Date(at).toISOString(),
    ...{ who, why, source },
    ...(refers === undefined ? {} : { refers }),
    files: files.map(({ file, before, after }: ChangedFile) => ({ file, change: kindOf(before, after) })),
  }
}

/** A plan and what it would do. */
export async function shownPlan(
  changes: Changes,
  actor: Actor | undefined,
  files: readonly PlannedFile[],
  context: Parameters<typeof callersOf>[1],
  isWanted: () => boolean,
) {
  const { classes, proxies, ...plan } = await changes.planner.plan(files, isWanted)
  return {
    plan: planHash(files),
    base: changes.ledger.head,
    files: files.map((file) => shownFile(changes, actor, file)),
    diagnostics: plan.diagnostics,
    newErrors: plan.newErrors,
    // Words about a Secret would quote it.
    meaning: plan.meaning.filter(({ object, topic }) => topic !== 'field' || !object.startsWith('Secret/')),
    classes: classes.map(({ class: key, clients, types }) => ({
      class: key,
      nodes: clients.slice(0, MOST_NODES).map(({ node }) => node.id),
      proxies: clients.length,
      types,
    })),
    proxies: [...new Set(proxies.map(({ node }) => node.id))],
    services: plan.services,
    callers: callersOf(new Set(plan.services), context),
  }
}

/** A conflict with the texts to bring together, as the one who asks may see them; their own text always. */
export function shownConflict(
  changes: Changes,
  actor: Actor | undefined,
  { code, message, conflicts }: ChangeConflict,
) {
  const text = (file: string, bytes: Uint8Array | undefined) => visibleText(changes, actor, file, bytes).text
  return {
    code,
    message,
    revision: changes.ledger.head,
    conflicts: conflicts.map(({ file, base, theirs, mine }) => ({
      file,
      base: text(file, base),
      theirs: text(file, theirs),
      // Their own words, whoever they are.
      mine: mine && Buffer.from(mine).toString(),
    })),
  }
}

function kindOf(before: unknown, after: unknown): 'added' | 'changed' | 'deleted' {
  return before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed'
}
