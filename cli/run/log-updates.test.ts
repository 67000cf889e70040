import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import type { ConfigUpdate } from '../../controlplane/live-config.ts'
import type { Log } from './log.ts'
import { logUpdates } from './log-updates.ts'

const complaint = (line: number, message: string): Diagnostic => ({
  code: 'CFG_RANGE',
  severity: 'error',
  message,
  file: 'a.yaml',
  line,
  column: 1,
  path: 'spec.port',
})

/** A log that keeps its lines, and a configuration whose complaints are what the test says. */
function followed() {
  const told: string[] = []
  const line = (_: object, message: string) => told.push(message)
  const log = { info: () => {}, warn: line, error: line } as unknown as Log
  let listener: (update: ConfigUpdate) => void = () => {}
  let ofDocuments: readonly Diagnostic[] = []
  let all: readonly Diagnostic[] = []
  const quiet = logUpdates(
    {
      onUpdate: (given) => {
        listener = given
        return () => {}
      },
      documentDiagnostics: () => ofDocuments,
      diagnostics: () => all,
    },
    log,
  )
  const update = (documents: readonly Diagnostic[], between: readonly Diagnostic[] = []) => {
    ofDocuments = documents
    all = [...documents, ...between]
    listener({ changed: [], tookMs: 1, config: { objects: new Map() } } as unknown as ConfigUpdate)
  }
  /** What is complained about without a reading. */
  const becomes = (now: readonly Diagnostic[]) => {
    all = now
  }
  return { told, update, becomes, quiet }
}

describe('the log of what each reading brought', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('tells a complaint once, also when lines above it moved it', () => {
    const { told, update } = followed()
    update([complaint(3, 'too big')])
    update([complaint(4, 'too big')])
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual(['too big'])
  })

  it('tells it again when it was gone in between', () => {
    const { told, update } = followed()
    update([complaint(3, 'too big')])
    update([])
    vi.advanceTimersByTime(5_000)
    update([complaint(3, 'too big')])
    expect(told).toEqual(['too big', 'too big'])
  })

  it('compares documents with each other only when the configuration is at rest, and once for many readings', () => {
    const { told, update } = followed()
    const between = [complaint(9, 'no such host')]
    update([], between)
    update([], between)
    expect(told).toEqual([])
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual(['no such host'])
  })

  it('looks again each hour: what depends on time is told although nothing changed', () => {
    const { told, update, becomes } = followed()
    update([], [complaint(9, 'expires in 3 hours')])
    vi.advanceTimersByTime(5_000)
    becomes([complaint(9, 'expires in 2 hours')])
    expect(told).toEqual(['expires in 3 hours'])
    vi.advanceTimersByTime(3_600_000)
    expect(told).toEqual(['expires in 3 hours', 'expires in 2 hours'])
  })

  it('says nothing more once it was stopped', () => {
    const { told, update, quiet } = followed()
    update([], [complaint(9, 'no such host')])
    quiet()
    vi.advanceTimersByTime(5_000)
    expect(told).toEqual([])
  })
})
