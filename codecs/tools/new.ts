import { minBytes, parseType } from '../layout/types.ts'
import {
  type AnswerTexts,
  completeAnswers,
  countsOf,
  list,
  type Place,
  readFields,
  readMore,
  readPlace,
  readUntil,
  suffixOf,
} from './questions.ts'

interface Named extends Place {
  readonly name: string
}

/**
 * A commented Protocol document to start from; it passes `meshgate protocol check` when the answers fit together.
 * @param texts answers by the key of their question (`questions.ts`); what is not answered has its fallback
 * @throws SyntaxError when an answer is wrong
 */
export function newProtocol(texts: AnswerTexts): string {
  const answers = completeAnswers(texts)
  const answer = (key: string) => answers[key] ?? ''
  const little = answer('order') === 'little'
  const find = (name: string, text: string): Named | undefined => {
    const place = readPlace(text)
    return place && { name, ...place, type: little ? littleEndian(place.type) : place.type }
  }
  const until = readUntil(answer('length'))
  const length = find('length', answer('length'))
  const [, magicPlace = '', magicValue = ''] = /^(.+)=(.+)$/.exec(answer('magic')) ?? []
  const magic = find('check', magicPlace)
  const kind = find('kind', answer('kind'))
  const id = find('id', answer('id'))
  const status = find('status', answer('status'))
  const fields = readFields(answer('fields')).flatMap(({ name, place }) =>
    place ? [{ name, ...place, type: little ? littleEndian(place.type) : place.type }] : [],
  )
  const said = readMore(answer('more'))
  const part = said && find('part', said.place)
  const more: readonly Line[] = said
    ? [[`    more: {part: ${said.value}}`, 'more of the reply follows while this holds']]
    : []
  const own = answer('sides') === 'yes' ? undefined : status
  const known = [length, magic, kind, id, ...fields, own].filter((one) => one !== undefined)
  const kinds = list(answer('kinds')).map((pair) => pair.split('=').map((part) => part.trim()))
  const repeats = answer('header') === '' ? headerEnd(known) : headerOf(answer('header'))
  // Where an answer is told from what asks, the proxy's own is such an answer.
  const has = (wanted: string) => kinds.some(([, name]) => name === wanted)
  const heartbeat = has('heartbeat') && (has('heartbeatReply') ? 'heartbeatReply' : 'heartbeat')
  const name = answer('name')
  const { counts = 'all', plus = 0 } = countsOf(answer('counts')) ?? {}
  const routed: readonly Line[] = fields.map((field) => [`    ${field.name}: {${where(field)}}`])
  const message: readonly Line[] = [
    ['  message:'],
    kind
      ? [`    kind: {${where(kind)}, is: {${kinds.map(([value, of]) => `${value}: ${of}`).join(', ')}}}`]
      : [`    kind: ${answer('kind')}`],
    id && [`    id: {${where(id)}}`, 'a reply repeats it'],
    ...statusLines(status),
    ...more,
    fields.length > 0 || part ? ['  fields:', 'what routes can match'] : undefined,
    ...routed,
    part && [`    part: {${where(part)}, writable: false}`],
  ]
  const lines: readonly Line[] = [
    ['apiVersion: meshgate.io/v1'],
    ['kind: Protocol'],
    [`metadata: {name: ${name}}`, `ports named ${name} or ${name}-… speak it`],
    ['spec:'],
    ['  frame:'],
    length
      ? [
          `    length: {${where(length)}, counts: ${counts}${plus > 0 ? `, plus: ${plus}` : ''}}`,
          `${counts === 'all' ? 'the whole frame, itself included' : 'what follows the field'}${plus > 0 ? `, and ${plus} more` : ''}`,
        ]
      : [`    until: ${quoted(until ?? '')}`, 'a frame goes up to these bytes'],
    magic && [
      `    check: {at: ${offset(magic)}, type: ${magic.type}, equals: ${magicValue}}`,
      'a frame without it closes the connection',
    ],
    answer('checksum') === ''
      ? undefined
      : [
          `    checksum: {type: ${answer('checksum')}}`,
          'over all before it; made for frames of our own, never verified',
        ],
    suffixLine(answer('suffix')),
    [`    max: ${answer('max')}`, 'a longer frame closes the connection'],
    ...(answer('sides') === 'yes'
      ? sides({ id, replyId: find('id', answer('replyId')), fields, status, part, more })
      : message),
    ['  reply:'],
    errorReply(answer('error'), little, status !== undefined, repeats),
    heartbeat ? [`    heartbeat: {from: request, bytes: ${repeats}, set: {kind: ${heartbeat}}}`] : undefined,
    [`  connections: [${list(answer('connections')).join(', ')}]`],
    answer('first') === 'server' ? ['  speaksFirst: upstream', 'chosen by a route without `match`'] : undefined,
    answer('ordered') === 'yes' ? ['  ordered: true', 'replies keep the order of their requests'] : undefined,
  ]
  const there = lines.filter((line) => line !== undefined)
  const column = Math.min(56, Math.max(...there.map(([text, comment]) => (comment ? text.length : 0)))) + 1
  return there.map(([text, comment]) => `${comment ? `${text.padEnd(column)} # ${comment}` : text}\n`).join('')
}

type Line = readonly [text: string, comment?: string] | undefined

function statusLines(status: Place | undefined): readonly Line[] {
  if (!status) return []
  return [[`    status: {${where(status)}}`], ['    error: {status: {not: 0}}', 'what outlier detection counts']]
}

/** Layouts of a client's frames and of an upstream's. */
function sides(
  parts: Readonly<Record<'id' | 'replyId' | 'status' | 'part', Place | undefined>> & {
    readonly fields: readonly Named[]
    readonly more: readonly Line[]
  },
): readonly Line[] {
  const { id, replyId, status, part, fields, more } = parts
  const indent = (line: Line): Line => line && (line[1] ? [`    ${line[0]}`, line[1]] : [`    ${line[0]}`])
  return [
    ['  variants:'],
    ['    - name: request'],
    ['      from: client', 'frames that clients send'],
    ['      message:'],
    ['        kind: request'],
    id && [`        id: {${where(id)}}`, 'a reply repeats it'],
    fields.length > 0 ? ['      fields:', 'what routes can match'] : undefined,
    ...fields.map((field): Line => [`        ${field.name}: {${where(field)}}`]),
    ['    - name: response'],
    ['      from: upstream', 'frames that come back'],
    ['      message:'],
    ['        kind: response'],
    replyId && [`        id: {${where(replyId)}}`],
    ...[...statusLines(status), ...more].map(indent),
    part && ['      fields:'],
    part && [`        part: {${where(part)}, writable: false}`],
  ]
}

function suffixLine(answer: string): Line {
  const suffix = answer === '' ? undefined : suffixOf(answer)
  if (suffix === undefined) return undefined
  const written = typeof suffix === 'number' ? `0x${suffix.toString(16).padStart(2, '0')}` : quoted(suffix)
  return [`    suffix: ${written}`, 'a frame that ends otherwise closes the connection']
}

/** A text as YAML has it whatever stands in it. */
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

function errorReply(
  error: string,
  little: boolean,
  status: boolean,
  repeats: number | string,
): readonly [string, string] {
  if (error === '' || error === 'no') return ['    error: close', 'no error reply: the connection is closed instead']
  const type = error === 'yes' ? (little ? 'u32le' : 'u32') : little ? littleEndian(error) : error
  const set = status ? '{kind: response, status: code}' : '{kind: response}'
  // A status of its own says the code; a type that was asked for is written behind all the same.
  const body = status && error === 'yes' ? '' : `, body: ${type} code`
  return [
    `    error: {from: request, bytes: ${repeats}, set: ${set}${body}}`,
    'begins as the request does; see "Replies" in the guide',
  ]
}

/** Integers without a byte order get it, in front of texts too. */
function littleEndian(type: string): string {
  return type.replace(/\b([ui](?:16|24|32|64))\b/g, '$1le')
}

function where({ type, at, mask }: Place): string {
  const place = /^\d+$/.test(at) ? `at: ${at}` : /^[A-Za-z_][\w-]*$/.test(at) ? `after: ${at}` : `at: ${at}`
  const size = type === 'str' || type === 'bytes' ? ', size: rest' : ''
  const written = /^[\w()-]+$/.test(type) ? type : quoted(type)
  return `${place}, type: ${written}${size}${mask ? `, mask: ${mask}` : ''}`
}

function offset({ at }: Place): string {
  return /^[A-Za-z_][\w-]*$/.test(at) ? `end(${at})` : at
}

function headerOf(answer: string): number | string {
  return /^\d+$/.test(answer) ? Number(answer) : `end(${answer})`
}

/** Where the last of the fields ends: a number when all of them stand at offsets and have a width, else the end of the longest chain. */
function headerEnd(known: readonly Named[]): number | string {
  const within = known.filter(({ type }) => type !== 'str' && type !== 'bytes')
  const width = ({ type }: Place) => {
    const info = parseType(type)
    return info && (info.form === 'int' || info.form === 'digits') ? minBytes(info) : undefined
  }
  const ends = within.map((one) => {
    const bytes = width(one)
    return /^\d+$/.test(one.at) && bytes !== undefined ? Number(one.at) + bytes : undefined
  })
  if (ends.every((end) => end !== undefined)) return Math.max(0, ...ends)
  const depth = (one: Named, seen: readonly string[] = []): number => {
    const before = within.find(({ name }) => new RegExp(`\\b${name}\\b`).test(one.at))
    return before && !seen.includes(one.name) ? 1 + depth(before, [...seen, one.name]) : 0
  }
  // At offsets the later one counts, behind other fields the one furthest down the chain.
  const rank = (one: Named) => (/^\d+$/.test(one.at) ? Number(one.at) / 1e9 : depth(one))
  const last = [...within].sort((a, b) => rank(b) - rank(a))[0]!
  return last.name === 'check' ? `end(${within[0]!.name})` : `end(${last.name})`
}
