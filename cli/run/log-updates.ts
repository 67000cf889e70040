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
  const tell = (diagnostics: readonly Diagnostic[], forget: boolean) => {
    const now = new Set(diagnostics.map(keyOf))
    for (const diagnostic of diagnostics) {
      const { severity, message, ...fields } = diagnostic
      if (!known.has(keyOf(diagnostic))) log[severity === 'warning' ? 'warn' : severity](fields, message)
    }
    known = forget ? now : new Set([...known, ...now])
  }
  let timer: NodeJS.Timeout | undefined
  config.onUpdate(({ changed, tookMs, config: { objects } }) => {
    const diagnostics = config.documentDiagnostics()
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length
    log.info({ objects: objects.size, changed: changed.length, errors, ms: Math.round(tookMs) }, 'configuration read')
    tell(diagnostics, false)
    // Analysis looks at everything; while changes come in quick succession nobody reads its complaints.
    clearTimeout(timer)
    timer = setTimeout(() => tell(config.diagnostics(), true), ANALYSIS_REST_MS)
  })
  // Certificates end although nothing changes.
  const hourly = setInterval(() => tell(config.diagnostics(), true), HOUR_MS)
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
