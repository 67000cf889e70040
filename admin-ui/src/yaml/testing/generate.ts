import type { Random } from './random.ts'

/** Strings that go wrong when a writer is careless: types of YAML 1.1 and 1.2, indicators, blanks, line breaks, odd characters. */
export const nasty: readonly string[] = [
  '',
  ' ',
  'a',
  'reviews',
  'v1',
  'a b',
  ' a',
  'a ',
  'y',
  'no',
  'On',
  'true',
  'null',
  '~',
  '0',
  '007',
  '0o7',
  '0x1F',
  '0b1',
  '1_000',
  '1.10',
  '1e3',
  '.5',
  '1.',
  '+1',
  '-1',
  '12:30',
  '1:2:3',
  '.inf',
  '-.INF',
  '.NaN',
  '2024-01-01',
  '2024-01-01 10:00:00',
  '<<',
  '=',
  '- a',
  '-',
  '-a',
  '? a',
  '?',
  ': a',
  ':',
  ':a',
  'a: b',
  'a:',
  'a:b',
  'a #b',
  'a#b',
  '#a',
  '[a]',
  '{a}',
  'a, b',
  'a]',
  '}',
  '&a',
  '*a',
  '!a',
  '|',
  '>',
  "'",
  '"',
  "it's",
  'a"b',
  "'a'",
  '"a"',
  '%a',
  '@a',
  '`a',
  '---',
  '--- a',
  '...',
  'a\nb',
  'a\nb\n',
  'a\n\nb\n',
  '\na',
  'a\n\n',
  'a\n b\n',
  ' a\nb',
  'a\n \nb',
  'a\nb # c',
  '# a\nb',
  'a\r\nb',
  'a\rb',
  '\t',
  'a\tb',
  '\ta',
  'a\t\nb',
  '\u0000',
  '\u0007',
  '\u0085',
  '\u2028',
  '\ufeff',
  '\ud800',
  '\u{1f600}',
  '中文',
  '\\',
  'a\\nb',
  '/a/b?c=d',
  'x'.repeat(90),
  '*.example.com',
  '10.0.0.1:8080',
  '100%',
  '{{a}}',
  'a: b\nc: d\n',
]

const keys: readonly string[] = [
  'a',
  'b',
  'c',
  'name',
  'host',
  'spec',
  'metadata',
  'labels',
  'http',
  'match',
  'x-y',
  'a.b/c',
  'y',
  'no',
  '8080',
  '1.5',
  'a b',
  'a: b',
  '#k',
  "it's",
  '-',
  '',
  '<<',
  '__proto__',
  'constructor',
  '中',
  'null',
  'long key with words',
  '? q',
]

const plainKeys = keys.slice(0, 12)

export function scalar(random: Random): unknown {
  const roll = random.unit()
  if (roll < 0.15) return random.below(200) - 20
  if (roll < 0.2) return random.pick([0.5, 1.1, -0, 1e21, 1e-7, 2 ** 40, -3.25])
  if (roll < 0.28) return random.chance(0.5)
  if (roll < 0.33) return null
  return random.pick(nasty)
}

/** Plain data of a few levels. */
export function value(random: Random, depth: number): unknown {
  const roll = random.unit()
  if (depth <= 0 || roll < 0.4) return scalar(random)
  const size = random.below(random.chance(0.1) ? 1 : 4)
  if (roll < 0.65) return Array.from({ length: size }, () => value(random, depth - 1))
  return Object.fromEntries(Array.from({ length: size }, () => [key(random), value(random, depth - 1)]))
}

export function key(random: Random): string {
  return random.pick(random.chance(0.8) ? plainKeys : keys)
}

interface Emitter {
  readonly random: Random
  readonly step: number
  readonly listStep: number
  readonly comments: number
  readonly anchors: string[]
  readonly wild: boolean
}

/** A document in a random style, with comments, blank lines, anchors and aliases, quotes and block scalars of all kinds. */
export function documentText(random: Random): string {
  const emitter: Emitter = {
    random,
    step: random.pick([1, 2, 2, 2, 3, 4]),
    listStep: random.pick([0, 0, 2, 2, 4]),
    comments: random.pick([0, 0.1, 0.3]),
    anchors: [],
    wild: random.chance(0.5),
  }
  const start = random.chance(0.15)
    ? random.pick(['---\n', '--- # c\n', '---\n# head\n\n'])
    : random.chance(0.2)
      ? '# head\n'
      : ''
  let root = value(random, 4)
  if (random.chance(0.9)) while (typeof root !== 'object' || root === null) root = value(random, 4)
  const body = filled(root) ? block(emitter, root, 0).join('\n') : `${leaf(emitter, root, false)}${trailing(emitter)}`
  return `${start}${body}${random.chance(0.2) ? '\n\n# end' : ''}${random.chance(0.85) ? '\n' : ''}`
}

function filled(at: unknown): at is unknown[] | Record<string, unknown> {
  return typeof at === 'object' && at !== null && Object.keys(at).length > 0
}

function block(emitter: Emitter, at: unknown[] | Record<string, unknown>, column: number): string[] {
  const { random } = emitter
  const lines: string[] = []
  const entries = Array.isArray(at) ? at.map((item) => [undefined, item] as const) : Object.entries(at)
  entries.forEach(([name, item], i) => {
    if (i > 0 && random.chance(0.08)) lines.push('')
    if (random.chance(emitter.comments))
      lines.push(
        `${' '.repeat(random.chance(0.8) || i === 0 ? column : random.below(8))}# ${random.pick(['c', 'a: b', '- x'])}`,
      )
    lines.push(...entry(emitter, name, item, column))
    if (random.chance(emitter.comments / 2)) lines.push(`${' '.repeat(column + random.below(5))}# foot`)
  })
  return lines
}

function entry(emitter: Emitter, name: string | undefined, item: unknown, column: number): string[] {
  const { random } = emitter
  const pad = ' '.repeat(column)
  const head = name === undefined ? '-' : `${keyText(emitter, name)}:`
  const anchor = random.chance(0.06) ? `&n${emitter.anchors.length} ` : ''
  if (!anchor && emitter.anchors.length > 0 && random.chance(0.06)) {
    if (name !== undefined && random.chance(0.3)) return [`${pad}<<: *${random.pick(emitter.anchors)}`]
    return [`${pad}${head} *${random.pick(emitter.anchors)}${trailing(emitter)}`]
  }
  const done = (lines: string[]): string[] => {
    if (anchor) emitter.anchors.push(anchor.slice(1, -1))
    return lines
  }
  if (filled(item) && random.chance(0.8)) {
    const compact = name === undefined && !anchor && random.chance(0.8)
    const gap = name === undefined ? (emitter.wild && random.chance(0.1) ? 3 : 1) : 0
    const child =
      name === undefined
        ? column + 1 + (compact ? gap : emitter.step)
        : column + (Array.isArray(item) ? emitter.listStep : emitter.step)
    const lines = block(emitter, item, child)
    if (compact && !/^\s*(?:#|$)/.test(lines[0]!))
      return done([`${pad}-${' '.repeat(gap)}${lines[0]!.slice(child)}`, ...lines.slice(1)])
    return done([`${pad}${head}${anchor ? ` ${anchor.trim()}` : ''}${trailing(emitter)}`, ...lines])
  }
  const text = blockText(emitter, item, column)
  if (text) return done([`${pad}${head} ${anchor}${text[0]}`, ...text.slice(1)])
  if (item === null && random.chance(0.5))
    return done([`${pad}${head}${anchor ? ` ${anchor.trim()}` : ''}${trailing(emitter)}`])
  const written = leaf(emitter, item, false)
  if (emitter.wild && name !== undefined && random.chance(0.04))
    return done([`${pad}${head}`, `${pad}   ${anchor}${written}${trailing(emitter)}`])
  return done([`${pad}${head} ${anchor}${written}${trailing(emitter)}`])
}

function blockText(emitter: Emitter, item: unknown, column: number): string[] | undefined {
  const { random } = emitter
  if (
    typeof item !== 'string' ||
    !/\S\n|\n\S/.test(item) ||
    /^\s|[\r\t\0]|\n\s*\n$|\n +\n/.test(item) ||
    random.chance(0.3)
  )
    return undefined
  const chomp = item.endsWith('\n') ? (random.chance(0.2) ? '+' : '') : '-'
  const pad = ' '.repeat(column + random.pick([1, 2, 2, 4]))
  const lines = item
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line === '' ? '' : pad + line))
  return [`${random.chance(0.8) ? '|' : '>'}${chomp}${trailing(emitter)}`, ...lines]
}

function trailing({ random, comments }: Emitter): string {
  return random.chance(comments) ? random.pick([' # t', '   # t', ' #']) : ''
}

function keyText(emitter: Emitter, name: string): string {
  const { random } = emitter
  if (emitter.wild && random.chance(0.05) && name !== '')
    return `? ${JSON.stringify(name)}\n${' '.repeat(0)}`.slice(0, 0) + JSON.stringify(name)
  if (/^[a-z][a-z.\-/]*$/.test(name) && random.chance(0.9)) return name
  return random.chance(0.5) && !/[\n\t\0]/.test(name) ? `'${name.replaceAll("'", "''")}'` : JSON.stringify(name)
}

function leaf(emitter: Emitter, item: unknown, flow: boolean): string {
  const { random } = emitter
  if (Array.isArray(item) || (typeof item === 'object' && item !== null)) return flowText(emitter, item)
  if (typeof item !== 'string')
    return Object.is(item, -0) ? '-0' : item === null ? random.pick(['null', '~']) : String(item)
  if (/^[a-zA-Z][\w/.]*(?: \w+)*$/.test(item) && random.chance(0.8)) return item
  if (
    emitter.wild &&
    !flow &&
    /^[^\s\-?:,[\]{}#&*!|>'"%@`][^\n\r\t:#\0\u0085\u2028\ufeff\ud800]*$/.test(item) &&
    random.chance(0.5)
  )
    return item
  return random.chance(0.4) && !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufeff]/u.test(item)
    ? `'${item.replaceAll("'", "''")}'`
    : escaped(item)
}

function escaped(item: string): string {
  return JSON.stringify(item).replaceAll('\u0085', '\\N').replaceAll('\u2028', '\\L').replaceAll('\ufeff', '\\uFEFF')
}

function flowText(emitter: Emitter, item: object): string {
  const { random } = emitter
  const parts = Array.isArray(item)
    ? item.map((one) => leaf(emitter, one, true))
    : Object.entries(item).map(([name, one]) => `${keyText(emitter, name)}: ${leaf(emitter, one, true)}`)
  const [open, close] = Array.isArray(item) ? ['[', ']'] : ['{', '}']
  const comma = parts.length > 0 && random.chance(0.1) ? ',' : ''
  if (parts.length > 0 && random.chance(0.15)) {
    const pad = `\n${' '.repeat(12)}`
    return `${open}${parts.map((part, i) => pad + part + (i < parts.length - 1 ? ',' : comma) + trailing(emitter)).join('')}\n${' '.repeat(11)}${close}`
  }
  const space = random.chance(0.2) ? ' ' : ''
  return `${open}${space}${parts.join(random.pick([', ', ', ', ',  ']))}${comma}${space}${close}`
}

/** A text with other line ends, comments, blank lines or without its last line break; often no longer valid. */
export function mutated(random: Random, text: string): string {
  const lines = text.split('\n')
  for (let n = random.below(4); n > 0; n--) {
    const at = random.below(lines.length)
    const roll = random.unit()
    if (roll < 0.4) lines.splice(at, 0, `${' '.repeat(random.below(9))}# ${random.pick(['c', 'note: x'])}`)
    else if (roll < 0.6) lines.splice(at, 0, '')
    else if (roll < 0.8) lines[at] = `${lines[at]} # t`
    else if (roll < 0.9) lines[at] = `${lines[at]}  `
    else lines.splice(at, 1)
  }
  return lines.join('\n')
}

/** What an editor on another system makes of a text. */
export function dressed(random: Random, text: string): string {
  let out = text
  if (random.chance(0.15)) out = out.replace(/\n+$/, '')
  if (random.chance(0.15)) out = out.replaceAll('\n', '\r\n')
  if (random.chance(0.1)) out = `\ufeff${out}`
  return out
}
