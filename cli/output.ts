import { UsageError } from './errors.ts'

export type Format = 'text' | 'json' | 'yaml'

/** Checks `-o`. @throws UsageError naming the formats the command has. */
export function outputFormat<Allowed extends Format>(value: string, allowed: readonly Allowed[]): Allowed {
  const found = allowed.find((format) => format === value)
  if (!found) throw new UsageError(`-o ${value}: the formats here are ${allowed.join(', ')}`)
  return found
}

/** Prints data for programs. A bigint is written as a string, as protobuf JSON does. */
export async function printData(data: unknown, format: 'json' | 'yaml'): Promise<void> {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(data, bigintAsString, 2)}\n`)
    return
  }
  const { stringify } = await import('yaml')
  process.stdout.write(stringify(data, { lineWidth: 0, aliasDuplicateObjects: false }))
}

function bigintAsString(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

/** `1 cluster`, `2 clusters`. */
export function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

/** Prints lines for people. */
export function printText(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 }

/** Whether colours go to this stream: a terminal, and nobody said NO_COLOR (https://no-color.org). */
export function wantsColour(
  stream: { isTTY?: boolean } = process.stdout,
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  if (env['NO_COLOR']) return false
  return Boolean(env['FORCE_COLOR']) || stream.isTTY === true
}

/** The text in a colour where colours are wanted, else as it is. */
export function paint(text: string, colour: Colour, wanted = wantsColour()): string {
  return wanted ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text
}

/**
 * Columns aligned by what is seen (colour codes count nothing), headers in capitals, two blanks between; the last column is
 * not padded.
 */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headers.map((header) => header.toUpperCase()), ...rows]
  const widths = headers.map((_, column) => Math.max(...all.map((row) => visibleLength(row[column] ?? ''))))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === headers.length - 1 ? cell : cell + ' '.repeat(widths[column]! - visibleLength(cell)),
      )
      .join('  ')
      .trimEnd()
  return `${all.map(line).join('\n')}\n`
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with ESC
  return text.replaceAll(/\x1b\[\d+m/g, '').length
}

/** `850ms`, `12s`, `3m20s`, `5h`, `2d`: an age for people. */
export function age(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.max(0, Math.round(milliseconds))}ms`
  const seconds = Math.floor(milliseconds / 1_000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`
  return `${Math.floor(hours / 24)}d`
}
