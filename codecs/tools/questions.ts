import { connectionModes, frameKindNames } from '../contract.ts'
import { checksumNames } from '../layout/checksum.ts'
import { delimiterBytes } from '../layout/delimiter.ts'
import { didYouMean } from '../layout/names.ts'
import { largest, minBytes, parseType } from '../layout/types.ts'
import { list, number, readPlace, wrongFields, wrongPlace } from './places.ts'

export type AnswerTexts = Readonly<Record<string, string>>

/** A question of `meshgate protocol new`, in the order to ask. */
export interface Question {
  readonly key: string
  readonly ask: string
  /** What holds when nothing is answered, from the answers before. */
  readonly fallback: (before: AnswerTexts) => string
  /** What is wrong with an answer, undefined when it can be used. */
  readonly wrong: (answer: string) => string | undefined
  /** Whether it is asked at all after the answers before; absent: always. */
  readonly applies?: (before: AnswerTexts) => boolean
}

/** What a number or a text is called in fields, but not the proxy's own names. */
const own = ['length', 'check', 'kind', 'id', 'status', 'part']

/** What `until(\n)` says of frames; undefined when it is something else. */
export function readUntil(answer: string): string | undefined {
  return /^until\((.+)\)$/s.exec(answer.trim())?.[1]
}

/** A length as a sum of fields, `12 + bodyLength`; undefined when it is something else. */
export function readSum(answer: string): string | undefined {
  return /^[\w ()+*-]+$/.test(answer) && !parseType(answer) && !answer.startsWith('until') ? answer : undefined
}

/** What `counts` says: `rest+4` is what is behind the field, and 4 bytes there are not counted; undefined when it is something else. */
export function countsOf(answer: string): { readonly counts: string; readonly plus: number } | undefined {
  const [, counts, plus = '0'] = /^(all|rest)(?: *\+ *(\d{1,6}))?$/.exec(answer.trim()) ?? []
  return counts === undefined ? undefined : { counts, plus: Number(plus) }
}

/** Bytes as a document has them, `0xce` as a number; undefined when they can be none. */
export function bytesOf(answer: string): string | number | undefined {
  const byte = /^0x[\da-f]{1,2}$/i.test(answer) ? Number(answer) : undefined
  return byte ?? (delimiterBytes(answer) && answer)
}

/** How bytes of the content are escaped. */
export interface EscapeAnswer {
  readonly by: string
  readonly is?: readonly (readonly [written: string, meant: string])[]
  readonly xor?: string
}

const escapes: Readonly<Record<string, EscapeAnswer>> = {
  slip: {
    by: '0xdb',
    is: [
      ['0xdc', '0xc0'],
      ['0xdd', '0xdb'],
    ],
  },
  hdlc: { by: '0x7d', xor: '0x20' },
  dle: { by: '0x10' },
}

/** `slip`, `0x7d^0x20`, `0xdb 0xdc=0xc0 0xdd=0xdb`, `0x10`; undefined when it is none of them. */
export function readEscape(answer: string): EscapeAnswer | undefined {
  const known = escapes[answer]
  if (known) return known
  const byte = '0x[\\da-f]{1,2}'
  const [, by, xor, pairs = ''] =
    new RegExp(`^(${byte})(?: *\\^ *(${byte}))?((?: +${byte}=${byte})*)$`, 'i').exec(answer) ?? []
  if (by === undefined || (xor && pairs)) return undefined
  const is = pairs
    .trim()
    .split(/ +/)
    .filter(Boolean)
    .map((pair) => pair.split('=') as unknown as readonly [string, string])
  return { by, ...(xor && { xor }), ...(is.length > 0 && { is }) }
}

/** What says that more frames of a reply follow: a place, or the name of a field; how it is compared; a number, a place or a name. */
export interface MoreAnswer {
  readonly left: string
  readonly how: '=' | '!=' | '<'
  readonly right: string
}

/** `u8@5&0x80=0x80`, `kind=3`, `u16@8!=0`, `u16@8<u16@10`; undefined when it is something else. */
export function readMore(answer: string): MoreAnswer | undefined {
  const [, left = '', how, right = ''] = /^([^=!<]+)(=|!=|<)([^=!<]+)$/.exec(answer.trim()) ?? []
  const one = (text: string) => readPlace(text) !== undefined || isName(text)
  if (how === undefined || !one(left.trim())) return undefined
  const value = right.trim()
  if (how !== '<' && !isNumber(value)) return undefined
  if (how === '<' && !isNumber(value) && !one(value)) return undefined
  return { left: left.trim(), how: how as MoreAnswer['how'], right: value }
}

/** `u16@4`, or `dec(3)@0=200|201` where other codes than 0 are good; undefined when it is something else. */
export function readStatus(answer: string): { readonly place: string; readonly good: readonly string[] } | undefined {
  const [, place = '', good] = new RegExp(`^([^=]+?)(?:=(${number}(?:\\|${number})*))?$`, 'i').exec(answer.trim()) ?? []
  return place === '' ? undefined : { place, good: good?.split('|') ?? ['0'] }
}

/** `1=request, A=handshake, *=push`: values and kinds; `*` are all others. */
export function readKinds(answer: string): readonly (readonly [value: string, kind: string])[] {
  return list(answer).map((pair) => {
    const [, value = '', kind = ''] = /^(.*)=(.*)$/s.exec(pair) ?? []
    return [value.trim(), kind.trim()]
  })
}

const isName = (text: string) => /^[A-Za-z_][\w-]*$/.test(text)
export const isNumber = (text: string) => new RegExp(`^${number}$`, 'i').test(text)
export const isKind = (answer: string) => frameKindNames.some((kind) => kind === answer)

function wrongKinds(answer: string): string | undefined {
  for (const one of list(answer)) {
    const [[value, name] = ['', '']] = readKinds(one)
    if (value === '' || !/^\w+$/.test(name)) return `"${one}": write value=kind, as 1=request, 2=response`
    if (!isKind(name))
      return `there is no kind "${name}"; ${didYouMean(name, frameKindNames) ?? `kinds are ${frameKindNames.join(', ')}`}`
  }
  return undefined
}

function wrongMore(answer: string): string | undefined {
  const more = readMore(answer)
  if (more === undefined) return 'as u8@5&0x80=0x80, kind=3, u16@8!=0, or u16@8<u16@10'
  for (const side of [more.left, more.right])
    if (side.includes('@')) {
      const wrong = wrongPlace(side, true)
      if (wrong) return wrong
    }
  return undefined
}

const oneOf =
  (...values: readonly string[]) =>
  (answer: string) =>
    values.includes(answer) ? undefined : values.join(' or ')
const orNone = (check: (answer: string) => string | undefined) => (answer: string) =>
  answer === '' ? undefined : check(answer)
const someBytes = orNone((a) => (bytesOf(a) === undefined ? String.raw`1 to 16 bytes, as 0xce or \x55\xaa` : undefined))
const always = (text: string) => () => text
const oneSided = ({ sides = '' }: AnswerTexts) => sides !== 'yes'
const delimited = ({ length = '' }: AnswerTexts) => readUntil(length) !== undefined

/** 1MiB, or what the length field can say if that is less. */
function longestFrame({ length = '', counts = '' }: AnswerTexts): string {
  const place = readPlace(length)
  const type = place && parseType(place.type)
  if (!type || type.form === 'text' || type.form === 'map' || type.form === 'hessian') return '1MiB'
  const said = countsOf(counts)
  const before = said?.counts === 'rest' && /^\d+$/.test(place.at) ? Number(place.at) + minBytes(type) : 0
  const most = largest(type) + before + (said?.plus ?? 0)
  return most < 1024 * 1024 ? String(most) : '1MiB'
}

export const questions: readonly Question[] = [
  {
    key: 'name',
    ask: 'Name of the protocol',
    fallback: always('mine'),
    wrong: (a) => (/^[a-z][a-z0-9]*$/.test(a) ? undefined : 'small letters and digits, since ports are named by it'),
  },
  {
    key: 'order',
    ask: 'Byte order of its numbers (big/little)',
    fallback: always('big'),
    wrong: oneOf('big', 'little'),
  },
  {
    key: 'length',
    ask: String.raw`Length field (type@offset: u32@0, leb128@0 for a varint, dec(6)@0 for digits; a sum of fields as 8 + size; or until(\n): frames end with these bytes)`,
    fallback: always('u32@0'),
    wrong: (a) => {
      const until = readUntil(a)
      if (until === undefined) return readSum(a) === undefined ? wrongPlace(a, true) : undefined
      return delimiterBytes(until) ? undefined : String.raw`1 to 16 bytes, as until(\r\n) or until(\x03)`
    },
  },
  {
    key: 'counts',
    ask: 'It counts all of the frame, or the rest behind it (all/rest; rest+4: with 4 bytes there that it does not count)',
    fallback: ({ length = '' }) => (readPlace(length)?.type.match(/^(leb|zig|mqtt|ber|dec)/) ? 'rest' : 'all'),
    wrong: (a) => (countsOf(a) ? undefined : 'all or rest, or with more bytes, as rest+4'),
    applies: ({ length = '' }) => readPlace(length) !== undefined,
  },
  {
    key: 'opens',
    ask: String.raw`Bytes that every frame begins with (as 0x0b, or \x10\x02; those it ends with where they stand between frames; empty: none)`,
    fallback: always(''),
    wrong: someBytes,
    applies: delimited,
  },
  {
    key: 'escape',
    ask: 'How such bytes are escaped in the content (slip, hdlc, dle; or as 0xdb 0xdc=0xc0 0xdd=0xdb, 0x7d^0x20, 0x10; empty: they are not)',
    fallback: always(''),
    wrong: orNone((a) =>
      readEscape(a) ? undefined : 'slip, hdlc or dle, or as 0xdb 0xdc=0xc0 0xdd=0xdb, 0x7d^0x20, 0x10',
    ),
    applies: delimited,
  },
  {
    key: 'max',
    ask: 'Longest frame',
    fallback: longestFrame,
    wrong: (a) => (/^\d+ ?([KMG]i?B?|B)?$/.test(a) ? undefined : 'a size as 64KiB'),
  },
  {
    key: 'magic',
    ask: 'Fixed value in every frame (type@place=value, empty: none)',
    fallback: always(''),
    wrong: orNone((a) => {
      const [, place, value] = new RegExp(`^(.+)=(${number})$`, 'i').exec(a) ?? []
      return place === undefined || value === undefined ? 'as u16@4=0x4d47' : wrongPlace(place, true)
    }),
  },
  {
    key: 'checksum',
    ask: `Checksum at the end of every frame (${checksumNames.join(', ')}; empty: none)`,
    fallback: always(''),
    wrong: orNone((a) =>
      checksumNames.some((known) => known === a)
        ? undefined
        : (didYouMean(a, [...checksumNames]) ?? `one of ${checksumNames.join(', ')}`),
    ),
  },
  {
    key: 'suffix',
    ask: String.raw`Bytes that every frame ends with, counted by its length (as 0xce, or \x55\xaa; empty: none)`,
    fallback: always(''),
    wrong: someBytes,
    applies: (before) => !delimited(before),
  },
  {
    key: 'sides',
    ask: 'Are replies laid out otherwise than requests, and nothing in a frame says which it is? (yes/no)',
    fallback: always('no'),
    wrong: oneOf('yes', 'no'),
  },
  {
    key: 'kind',
    ask: 'Field that tells requests from replies (type@place, u8@length: behind the length; the name of a field to route by, where it is a text; "either": no frame says; "push": nobody answers)',
    fallback: ({ length = '' }) =>
      readPlace(length) ? (/^u?i?32/.test(readPlace(length)!.type) ? 'u8@4' : 'u8@length') : 'either',
    wrong: (a) => (isName(a) ? undefined : wrongKind(a)),
    applies: oneSided,
  },
  {
    key: 'kinds',
    ask: 'Its values (value=request|response|oneway|push|heartbeat|heartbeatReply|handshake|goaway|cancel, …; * for all others)',
    fallback: always('1=request, 2=response'),
    wrong: wrongKinds,
    applies: ({ kind = '', sides = '' }) => oneSided({ sides }) && !isKind(kind),
  },
  {
    key: 'id',
    ask: 'Message id that a reply repeats (type@place, empty: none)',
    fallback: always(''),
    wrong: orNone((a) => wrongPlace(a, true)),
  },
  {
    key: 'replyId',
    ask: 'Where a reply has it (type@place)',
    fallback: ({ id = '' }) => id,
    wrong: (a) => wrongPlace(a, true),
    applies: ({ id = '', sides = '' }) => !oneSided({ sides }) && id !== '',
  },
  {
    key: 'ordered',
    ask: 'Do replies come in the order of their requests? (yes/no)',
    fallback: always('no'),
    wrong: oneOf('yes', 'no'),
    applies: ({ id = '', kind = '' }) => id === '' && kind !== 'push',
  },
  {
    key: 'fields',
    ask: 'Fields to route by (name=type@place, as msgid=u32@8, method=str(u8)@id; str or bytes alone: up to the end, str[16]: so many bytes; words=list(until(|))@0, headers=map(str(u8), str(u16))@id and their entries, first=words[0], user=headers[user]; :request behind what only requests have)',
    fallback: always(''),
    wrong: (a) => wrongFields(a, own),
  },
  {
    key: 'status',
    ask: 'Status code of a reply, 0 is good (type@place, =200|201 behind it for others; :response where only replies have it; empty: none)',
    fallback: always(''),
    wrong: orNone((a) => {
      const status = readStatus(a)
      return status ? wrongPlace(status.place, true) : 'as u16@8, or dec(3)@0=200|201'
    }),
    applies: ({ kind = '' }) => kind !== 'push',
  },
  {
    key: 'more',
    ask: 'A reply of several frames: what says that more of it follow (as u8@5&0x80=0x80, kind=3, u16@8!=0, u16@8<u16@10; empty: it is one frame)',
    fallback: always(''),
    wrong: orNone(wrongMore),
    applies: ({ kind = '' }) => kind !== 'push',
  },
  {
    key: 'first',
    ask: 'Who says the first word on a connection? (client/server)',
    fallback: always('client'),
    wrong: oneOf('client', 'server'),
  },
  {
    key: 'connections',
    ask: 'Connections to servers, the best first: shared by all clients, bound to one, exclusive to a request',
    fallback: usualConnections,
    wrong: (a) => {
      const bad = list(a).find((mode) => !connectionModes.some((known) => known === mode))
      if (list(a).length === 0) return `one or more of ${connectionModes.join(', ')}`
      return bad === undefined ? undefined : `"${bad}": one or more of ${connectionModes.join(', ')}`
    },
  },
  {
    key: 'error',
    ask: 'Error reply: how a request begins, then a code (yes: u32, or a type; no: the connection is closed instead)',
    fallback: always('no'),
    wrong: (a) => {
      const form = parseType(a)?.form
      return a === 'yes' || a === 'no' || form === 'int' || form === 'varint' ? undefined : 'yes, no, or a type as u16'
    },
    applies: ({ kind = '', kinds = '', sides = '', status = '' }) =>
      oneSided({ sides }) && (isKind(kind) ? kind === 'either' && status !== '' : kinds.includes('response')),
  },
  {
    key: 'header',
    ask: 'What such a reply repeats of the request: so many bytes, or up to the end of a field (empty: all fields)',
    fallback: always(''),
    wrong: orNone((a) => (/^\d+$/.test(a) || isName(a) ? undefined : 'a number, or the name of a field')),
    applies: ({ error = 'no', kinds = '' }) => error !== 'no' || /heartbeat/.test(kinds),
  },
]

function wrongKind(answer: string): string | undefined {
  const wrong = wrongPlace(answer, true)
  return wrong?.startsWith('this is a number')
    ? 'a text: name it among the fields to route by, as verb=until(\\s)@0, and write its name here'
    : wrong
}

/** What holds for most protocols with such frames. */
function usualConnections({ id = '', kind = '', kinds = '', first = '' }: AnswerTexts): string {
  if (first === 'server' || kind === 'push' || kind === 'oneway') return 'bound'
  const session = /\b(push|handshake)\b/.test(kinds)
  if (id !== '' && kinds.includes('handshake')) return 'bound'
  if (session && !/\b(request|response)\b/.test(kinds)) return 'bound'
  if (id === '' || /&/.test(id)) return 'bound, exclusive'
  return 'shared, bound, exclusive'
}

/**
 * Answers to all questions that apply, with what holds where nothing was answered.
 * @throws SyntaxError when one of them is wrong, or answers what nobody asks.
 */
export function completeAnswers(texts: AnswerTexts): AnswerTexts {
  const keys = questions.map(({ key }) => key)
  const strange = Object.keys(texts).find((key) => !keys.includes(key))
  if (strange !== undefined)
    throw new SyntaxError(
      `there is no question "${strange}"; ${didYouMean(strange, keys) ?? `they are ${keys.join(', ')}`}`,
    )
  const answers: Record<string, string> = {}
  for (const { key, ask, fallback, wrong, applies } of questions) {
    if (applies?.(answers) === false) continue
    const answer = String(texts[key] ?? '').trim() || fallback(answers)
    const problem = wrong(answer)
    if (problem) throw new SyntaxError(`${key} (${ask}): ${JSON.stringify(answer)}: ${problem}`)
    answers[key] = answer
  }
  return answers
}
