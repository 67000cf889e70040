import { minBytes, parseType } from '../layout/types.ts'
import { behind, list, type Place, quoted, widthOf, written } from './places.ts'
import { type AnswerTexts, isNumber } from './questions.ts'
import { isOf, type Named, placedFields, readSketch, type Sketch } from './sketch.ts'

/**
 * A commented Protocol document to start from; it passes `meshgate protocol check` when the answers fit together.
 * @param texts answers by the key of their question (`questions.ts`); what is not answered has its fallback
 * @throws SyntaxError when an answer is wrong
 */
export function newProtocol(texts: AnswerTexts): string {
  const sketch = readSketch(texts)
  const { name, answers } = sketch
  const lines: readonly Line[] = [
    ['apiVersion: meshgate.io/v1'],
    ['kind: Protocol'],
    [`metadata: {name: ${name}}`, `ports named ${name} or ${name}-… speak it`],
    ['spec:'],
    ...frameLines(sketch),
    ...(sketch.sides ? sideLines(sketch) : messageLines(sketch)),
    ['  reply:'],
    ...replyLines(sketch),
    [`  connections: [${list(answers['connections'] ?? '').join(', ')}]`],
    answers['first'] === 'server' ? ['  speaksFirst: upstream', 'chosen by a route without `match`'] : undefined,
    answers['ordered'] === 'yes' ? ['  ordered: true', 'replies keep the order of their requests'] : undefined,
  ]
  const there = lines.filter((line) => line !== undefined)
  const column = Math.min(56, Math.max(...there.map(([text, comment]) => (comment ? text.length : 0)))) + 1
  return there.map(([text, comment]) => `${comment ? `${text.padEnd(column)} # ${comment}` : text}\n`).join('')
}

type Line = readonly [text: string, comment?: string] | undefined

function frameLines(sketch: Sketch): readonly Line[] {
  const { length, sum, until, counts, plus, opens, escape: escaping, magic, checksum, suffix, max } = sketch
  const bytes = (value: string | number) =>
    typeof value === 'number' ? `0x${value.toString(16).padStart(2, '0')}` : quoted(value)
  return [
    ['  frame:'],
    length
      ? [
          `    length: {${written(length)}, counts: ${counts}${plus > 0 ? `, plus: ${plus}` : ''}}`,
          `${counts === 'all' ? 'the whole frame, itself included' : 'what follows the field'}${plus > 0 ? `, and ${plus} more` : ''}`,
        ]
      : sum === undefined
        ? [`    until: ${quoted(until ?? '')}`, 'a frame goes up to these bytes']
        : [`    length: ${sum}`, 'the whole frame'],
    opens === undefined ? undefined : [`    opens: ${bytes(opens)}`, 'offsets count from behind these bytes'],
    escaping && [
      `    escape: {by: ${escaping.by}${escaping.is ? `, is: {${escaping.is.map((pair) => pair.join(': ')).join(', ')}}` : ''}${escaping.xor ? `, xor: ${escaping.xor}` : ''}}`,
      'fields are those of the content as it is meant',
    ],
    magic && [
      `    check: {at: ${behind(magic) ? `end(${magic.at})` : magic.at}, type: ${magic.type}${magic.mask ? `, mask: ${magic.mask}` : ''}, equals: ${magic.value}}`,
      'a frame without it closes the connection',
    ],
    checksum && [`    checksum: {type: ${checksum}}`, 'over all before it; made for frames of our own, never verified'],
    suffix === undefined
      ? undefined
      : [`    suffix: ${bytes(suffix)}`, 'a frame that ends otherwise closes the connection'],
    [`    max: ${max}`, 'a longer frame closes the connection'],
  ]
}

function messageLines(sketch: Sketch): readonly Line[] {
  const { constant, kind, rules, kinds, id, status, parts } = sketch
  const fields = fieldLines(sketch, () => true, 4)
  const op = rules && kind
  return [
    ['  message:'],
    ...(rules
      ? [
          ['    kind:', 'the first that holds'] as const,
          ...rulesOf(sketch).map(
            ([value, of]): Line => [`      - {is: ${of}${value && `, when: {${rules.field}: ${value}}`}}`],
          ),
        ]
      : [
          kind
            ? ([
                `    kind: {${written(kind)}, is: {${kinds.map(([value, of]) => `${Number(value) > 0xffff ? value : numeral(value)}: ${of}`).join(', ')}}}`,
              ] as const)
            : ([`    kind: ${constant}`] as const),
        ]),
    id && [`    id: {${written(id)}}`, 'a reply repeats it'],
    ...statusLines(sketch, status && whenOf(sketch, status)),
    ...moreLines(sketch, 4),
    fields.length > 0 || parts.length > 0 || op
      ? ['  fields:', 'what routes can match']
      : hints(sketch).length > 0
        ? ['  # fields:', 'what routes can match']
        : undefined,
    op && [`    ${op.name}: {${written(op)}, writable: false}`],
    ...fields,
    ...parts.map((part): Line => [`    ${part.name}: {${written(part, 'writable: false')}}`]),
    ...hints(sketch),
  ]
}

/** `0200` is a number of four digits to people, and one of another base to some readers of YAML. */
const numeral = (value: string) => (/^0\d/.test(value) ? String(Number(value)) : value)

/** Values of the field that has rules, as YAML has them, and kinds; the last one may have none. */
function rulesOf({ rules, kinds }: Sketch): readonly (readonly [value: string, kind: string])[] {
  const others = kinds.filter(([value]) => value === '*')
  const said = kinds.filter(([value]) => value !== '*')
  // Several values of one kind that stand together are one rule.
  const grouped: [string[], string][] = []
  for (const [value, kind] of said) {
    const text = rules?.texts ? textValue(value) : numeral(value)
    if (grouped.at(-1)?.[1] === kind) grouped.at(-1)![0].push(text)
    else grouped.push([[text], kind])
  }
  return [
    ...grouped.map(([values, kind]) => [values.length > 1 ? `[${values.join(', ')}]` : values[0]!, kind] as const),
    ...others.slice(0, 1).map(([, kind]) => ['', kind] as const),
  ]
}

const textValue = (value: string) =>
  /^[A-Za-z]\w*$/.test(value) && !/^(true|false|null|yes|no|on|off|[yn])$/i.test(value) ? value : quoted(value)

/** The condition of what only frames of some kinds have, as a document writes it. */
function whenOf(sketch: Sketch, { kinds: only }: Place): string {
  if (!only || sketch.sides) return ''
  const { rules, kinds } = sketch
  if (!rules) return `when: {kind: ${only.length === 1 ? only[0] : `[${only.join(', ')}]`}}`
  const values = (of: (kind: string) => boolean) =>
    kinds
      .filter(([value, kind]) => value !== '*' && of(kind))
      .map(([value]) => (rules.texts ? textValue(value) : numeral(value)))
  const other = kinds.find(([value]) => value === '*')?.[1]
  return other !== undefined && only.includes(other)
    ? `when: {${rules.field}: {not: [${values((kind) => !only.includes(kind)).join(', ')}]}}`
    : `when: {${rules.field}: [${values((kind) => only.includes(kind)).join(', ')}]}`
}

function fieldLines(sketch: Sketch, among: (place: Place) => boolean, indent: number): readonly Line[] {
  const { fields } = sketch
  const space = ' '.repeat(indent)
  return fields.flatMap(({ name, place, entry, most }): readonly Line[] => {
    if (place) {
      if (!among(place)) return []
      const more = [most ? `max: ${most}` : '', whenOf(sketch, place)].filter(Boolean).join(', ')
      return [[`${space}${name}: {${written(place, more)}}`]]
    }
    if (!entry) return []
    const of = fields.find((other) => other.name === entry.of)?.place
    if (!of || !among(of)) return []
    const key = of.items || isNumber(entry.key) ? entry.key : textValue(entry.key)
    // Keys of maps are what the map says: a number in quotes is a text.
    const label = of.keys && !of.items && isTextType(of.keys) && isNumber(entry.key) ? `"${entry.key}"` : key
    return [[`${space}${name}: {in: ${entry.of}, key: ${label}}`]]
  })
}

const isTextType = (type: string) => parseType(type)?.form === 'text'

function statusLines({ status }: Sketch, when = ''): readonly Line[] {
  if (!status) return []
  const good = status.good.length === 1 ? numeral(status.good[0]!) : `[${status.good.map(numeral).join(', ')}]`
  return [
    [`    status: {${written(status, when)}}`],
    [`    error: {status: {not: ${good}}}`, 'what outlier detection counts'],
  ]
}

function moreLines(sketch: Sketch, indent: number): readonly Line[] {
  const { more } = sketch
  const space = ' '.repeat(indent)
  if (!more)
    return !sketch.sides && sketch.constant !== 'either' && !sketch.kinds.some(([, kind]) => kind === 'response')
      ? []
      : [[`${space}# more: {flags: {mask: 1}}`, 'replies of several frames: a field that says that more follow']]
  const { left, how, right } = more
  const condition = how === '=' ? numeral(right) : how === '!=' ? `{not: ${numeral(right)}}` : `{below: ${right}}`
  return [[`${space}more: {${left}: ${condition}}`, 'more of the reply follows while this holds']]
}

/** What many protocols have and nobody asked for, as comments. */
function hints(sketch: Sketch): readonly Line[] {
  const { fields, constant } = sketch
  const containers = fields.some(({ place }) => place?.type === 'list' || place?.type === 'map')
  const rest = placedFields(sketch).some(({ type, size }) => !size && ['str', 'bytes', 'list', 'map'].includes(type))
  const end = headerEnd(headOf(sketch, ({ kinds }) => kinds === undefined))
  const place = typeof end === 'number' ? `at: ${end}` : `at: ${end}`.replace(/^at: end\((.+)\)$/, 'after: $1')
  const [key, value, item] =
    sketch.until === undefined
      ? ['str(u16)', 'str(u16)', 'str(u8)']
      : [quoted('until(=)'), quoted('until(;)'), quoted('until(\\s)')]
  return [
    ...(containers || rest
      ? []
      : ([
          [
            `    # headers: {${place}, type: map, size: rest, keys: ${key}, values: ${value}}`,
            'routes name headers.<key>',
          ],
          [`    # words: {${place}, type: list, size: rest, items: ${item}}`, 'routes name words.0'],
        ] as const)),
    ...(constant || fields.some((field) => field.place?.kinds)
      ? []
      : ([
          ['    # what only some frames have: when: {kind: request}; layouts that differ: variants (see the guide)'],
        ] as const)),
  ]
}

/** Layouts of a client's frames and of an upstream's. */
function sideLines(sketch: Sketch): readonly Line[] {
  const { id, replyId, parts } = sketch
  const of = (kind: string) =>
    fieldLines(sketch, (place) => (kind === 'request' ? isOf(place, kind) : place.kinds?.includes(kind) === true), 8)
  const indent = (line: Line): Line => line && (line[1] ? [`    ${line[0]}`, line[1]] : [`    ${line[0]}`])
  const [requests, replies] = [of('request'), of('response')]
  return [
    ['  variants:'],
    ['    - name: request'],
    ['      from: client', 'frames that clients send'],
    ['      message:'],
    ['        kind: request'],
    id && [`        id: {${written(id)}}`, 'a reply repeats it'],
    requests.length > 0 ? ['      fields:', 'what routes can match'] : undefined,
    ...requests,
    ['    - name: response'],
    ['      from: upstream', 'frames that come back'],
    ['      message:'],
    ['        kind: response'],
    replyId && [`        id: {${written(replyId)}}`],
    ...statusLines(sketch).map(indent),
    ...moreLines(sketch, 8),
    parts.length > 0 || replies.length > 0 ? ['      fields:'] : undefined,
    ...replies,
    ...parts.map((part): Line => [`        ${part.name}: {${written(part, 'writable: false')}}`]),
  ]
}

function replyLines(sketch: Sketch): readonly Line[] {
  const { answers, kinds, rules } = sketch
  // Where an answer is told from what asks, the proxy's own is such an answer.
  const has = (wanted: string) => kinds.some(([, name]) => name === wanted)
  const heartbeat = has('heartbeat') && (has('heartbeatReply') ? 'heartbeatReply' : 'heartbeat')
  const header = answers['header'] ?? ''
  const repeats = header === '' ? headerEnd(headOf(sketch)) : /^\d+$/.test(header) ? Number(header) : `end(${header})`
  const set = heartbeat && kindSet(sketch, heartbeat)
  return [
    errorReply(sketch, answers['error'] ?? 'no', repeats, header !== ''),
    heartbeat && (!rules || set) ? [`    heartbeat: {from: request, bytes: ${repeats}, set: {${set}}}`] : undefined,
  ]
}

/** What makes a copy of a request a frame of a kind, as `set` has it; empty where a text would have to be written. */
function kindSet({ rules, kinds, constant, kind: place }: Sketch, kind: string): string {
  if (constant) return ''
  if (!rules) return place ? `kind: ${kind}` : ''
  const value = kinds.find(([value, name]) => name === kind && value !== '*')?.[0]
  return value === undefined || rules.texts ? '' : `${rules.field}: ${numeral(value)}`
}

function errorReply(sketch: Sketch, error: string, repeats: number | string, said: boolean): Line {
  const { little, status, constant, rules } = sketch
  const kind = kindSet(sketch, 'response')
  if (error === 'no' || (!constant && kind === ''))
    return [
      '    error: close',
      error !== 'no' || rules?.texts
        ? 'no error reply: the connection is closed; one in words: see "Replies" in the guide'
        : 'no error reply: the connection is closed instead',
    ]
  const order = (type: string) => (little ? type.replace(/^([ui](?:16|24|32|64))$/, '$1le') : type)
  const own = status?.kinds === undefined
  // A status of some bits says that it is an error, not which.
  const bits = status?.mask
  const code = status && own ? `status: ${bits ?? 'code'}` : ''
  const set = [kind, code].filter(Boolean).join(', ')
  // A status of its own says the code; a type that was asked for is written behind all the same.
  const body =
    status && !own
      ? [`${status.type} code`, ...restOfReply(sketch)]
      : status && error === 'yes' && !bits
        ? []
        : [`${order(error === 'yes' ? 'u32' : error)} code`]
  const bytes = status && !own && !said ? headerEnd(headOf(sketch, (place) => place.kinds === undefined)) : repeats
  const behind = body.length === 0 ? '' : `, body: ${body.length === 1 ? body[0] : `[${body.join(', ')}]`}`
  return [
    `    error: {from: request, bytes: ${bytes}, set: {${set}}${behind}}`,
    'begins as the request does; see "Replies" in the guide',
  ]
}

/** What a reply has behind its status: the first text says what is wrong, the others are zeros. */
function restOfReply(sketch: Sketch): readonly string[] {
  let spoken = false
  return placedFields(sketch).flatMap((field) => {
    if (!field.kinds?.includes('response')) return []
    const type = parseType(field.type)
    if (type?.form === 'text' && !spoken && !field.size) {
      spoken = true
      return [type.prefix || type.ends ? `${field.type} message` : 'str message']
    }
    const bytes =
      widthOf(field) ??
      (type && type.form !== 'text' && type.form !== 'map' && type.form !== 'hessian' ? minBytes(type) : 0)
    return bytes > 0 ? [`hex ${'00'.repeat(bytes)}`] : []
  })
}

/** The fields a header is made of. */
function headOf(sketch: Sketch, among: (place: Place) => boolean = () => true): readonly Named[] {
  const { length, magic, kind, id, status, sides } = sketch
  const own = sides ? undefined : status
  return [length, magic, kind, id, ...placedFields(sketch), own].filter((one) => one !== undefined).filter(among)
}

/** Where the last of the fields ends: a number when all of them stand at offsets and have a width, else the end of the longest chain. */
function headerEnd(known: readonly Named[]): number | string {
  const within = known.filter(
    ({ type, size, count }) => size || count || !['str', 'bytes', 'list', 'map'].includes(type),
  )
  const ends = within.map((one) => {
    const bytes = widthOf(one)
    return /^\d+$/.test(one.at) && bytes !== undefined ? Number(one.at) + bytes : undefined
  })
  if (ends.every((end) => end !== undefined)) return Math.max(0, ...ends)
  const depth = (one: Named, seen: readonly string[] = []): number => {
    const before = within.filter(({ name }) => new RegExp(`(^|[^\\w-])${name}([^\\w-]|$)`).test(one.at))
    return before.length > 0 && !seen.includes(one.name)
      ? 1 + Math.max(...before.map((each) => depth(each, [...seen, one.name])))
      : 0
  }
  // At offsets the later one counts, behind other fields the one furthest down the chain.
  const rank = (one: Named) => (/^\d+$/.test(one.at) ? Number(one.at) / 1e9 : depth(one))
  const last = [...within].sort((a, b) => rank(b) - rank(a))[0]!
  return last.name === 'check' ? `end(${within[0]!.name})` : `end(${last.name})`
}
