import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import type { LiveConfig } from '../../controlplane/live-config.ts'
import type { Log } from './log.ts'

/** How long the configuration must be at rest before documents are compared with each other for the log, ms. */
const ANALYSIS_REST_MS = 1_000

const HOUR_MS = 3_600_000

/** Tells what each reading of the configuration brought; a complaint is told once, not at every reading. Returns the way to stop. */
export function logUpdates(
  config: Pick<LiveConfig, 'onUpdate' | 'documentDiagnostics' | 'diagnostics'>,
  log: Log,
): () => void {
  let known = new Set<string>()
  /** @returns the keys of all of them */
  const tell = (diagnostics: readonly Diagnostic[]) => {
    for (const diagnostic of diagnostics) {
      const { severity, message, ...fields } = diagnostic
      if (!known.has(keyOf(diagnostic))) log[severity === 'warning' ? 'warn' : severity](fields, message)
    }
    return diagnostics.map(keyOf)
  }
  const tellAll = () => {
    known = new Set(tell(config.diagnostics()))
  }
  let timer: NodeJS.Timeout | undefined
  config.onUpdate(({ changed, tookMs, config: { objects } }) => {
    const diagnostics = config.documentDiagnostics()
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length
    log.info({ objects: objects.size, changed: changed.length, errors, ms: Math.round(tookMs) }, 'configuration read')
    known = new Set([...known, ...tell(diagnostics)])
    // Analysis looks at everything; while changes come in quick succession nobody reads its complaints.
    clearTimeout(timer)
    timer = setTimeout(tellAll, ANALYSIS_REST_MS)
  })
  // Certificates end although nothing changes.
  const hourly = setInterval(tellAll, HOUR_MS)
  hourly.unref()
  return () => {
    clearTimeout(timer)
    clearInterval(hourly)
  }
}

/** Lines move when something is put above them; only what has no path is told apart by its place. */
function keyOf({ code, file, path, message, line, column }: Diagnostic): string {
  return JSON.stringify([code, file, path, message, ...(path === '' ? [line, column] : [])])
}
