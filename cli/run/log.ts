import { pino } from 'pino'
import type { Diagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { type Colour, paint, wantsColour } from '../output.ts'
import type { LogOptions } from './log-options.ts'

export type Log = ReturnType<typeof createLog>

/** Structured logs on a stream: JSON lines, or short lines for people. */
export function createLog({ logLevel: level, logFormat }: LogOptions, stream: NodeJS.WriteStream) {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const format = logFormat ?? (stream.isTTY ? 'text' : 'json')
  if (format === 'json') return pino(options, stream)
  const colour = wantsColour(stream)
  return pino(options, { write: (line: string) => stream.write(`${prettyLine(line, colour)}\n`) })
}

const LEVELS: Readonly<Record<number, readonly [name: 'debug' | 'info' | 'warn' | 'error', colour: Colour]>> = {
  20: ['debug', 'dim'],
  30: ['info', 'green'],
  40: ['warn', 'yellow'],
  50: ['error', 'red'],
}

/**
 * Logs a line that a program printed. One that is a JSON line of a log of this kind, as message proxies print, keeps its level, its text and its
 * fields; any other is the text.
 * @param about fields to tell with it
 * @param level of a line that says none itself
 */
export function logPrinted(log: Log, about: Readonly<Record<string, unknown>>, line: string, level: 'info' | 'warn') {
  const own = ownLine(line)
  if (!own) return log[level](about, line)
  const { level: number, time: _, msg = '', ...fields } = own
  log[LEVELS[number]![0]]({ ...about, ...fields }, msg)
}

/** A line of a log of this kind; undefined for any other. */
function ownLine(line: string): LogLine | undefined {
  if (!line.startsWith('{"level":')) return undefined
  try {
    const parsed = JSON.parse(line) as LogLine
    return LEVELS[parsed.level] && parsed
  } catch {
    return undefined
  }
}

interface LogLine {
  readonly level: number
  readonly time: string
  readonly msg?: string
}

/** `12:00:01 info  text  key=value …` of a JSON line; of a complaint `12:00:01 error a.yaml:3:1: text → hint  key=value …`. */
export function prettyLine(line: string, colour: boolean): string {
  const { level, time, msg = '', ...fields } = placed(JSON.parse(line) as LogLine & Partial<Diagnostic>)
  const [name, tint] = LEVELS[level] ?? ['log', 'dim']
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${shown(value)}`)
  const clock = new Date(time).toTimeString().slice(0, 8)
  const tail = rest.length > 0 ? `  ${paint(rest.join(' '), 'dim', colour)}` : ''
  return `${paint(clock, 'dim', colour)} ${paint(name.padEnd(5), tint, colour)} ${msg}${tail}`
}

/** A complaint about a line of YAML with its place before its words, as editors and terminals find it, and its hint behind them. */
function placed(line: LogLine & Partial<Diagnostic>): LogLine {
  const { file, line: row, column, hint, msg, ...rest } = line
  if (row === undefined || column === undefined) return line
  const { path, ...others } = rest
  return {
    ...others,
    msg: `${file ? `${file}:${row}:${column}: ` : ''}${msg}${hint ? ` → ${hint}` : ''}`,
    ...(path ? { path } : {}),
  }
}

/** Errors of the program itself. */
const MISTAKES = new Set(['TypeError', 'RangeError', 'ReferenceError', 'AssertionError'])

/** A value for people. Of an error its words; what led to it is in the JSON form, and here only where the program is at fault. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value
  const { type, message, stack } = (value ?? {}) as {
    readonly message?: unknown
    readonly type?: unknown
    readonly stack?: unknown
  }
  if (typeof message !== 'string' || typeof stack !== 'string') return JSON.stringify(value)
  return MISTAKES.has(String(type)) ? stack : message
}
