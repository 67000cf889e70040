import { connectionModes, frameKindNames } from '../contract.ts'
import { checksumNames } from '../layout/checksum.ts'
import { delimiterBytes } from '../layout/delimiter.ts'
import { didYouMean } from '../layout/names.ts'
import { largest, minBytes, parseType, typeHint } from '../layout/types.ts'

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

/** `u32@8`, `leb128@0`, `str(u8)@id`, `u8@6&0x30`: type, place (an offset, a field it comes behind, or a sum) and bits. */
const placed = /^([^@&]+)@([\w ()+*-]+?)(?:&(0x[\da-f]+|\d+))?$/i
const number = '(?:0x[\\da-f]+|\\d+)'

export interface Place {
  readonly type: string
  /** An offset, a sum, or the name of the field it comes behind. */
  readonly at: string
  readonly mask?: string
}

/** The parts of `type@place`; undefined when it is none. */
export function readPlace(text: string): Place | undefined {
  const [, type = '', at = '', mask] = placed.exec(text.trim()) ?? []
  return at === '' ? undefined : { type: type.trim(), at: at.trim(), ...(mask && { mask }) }
}

/** `name=type@place` pairs; entries that are none have no place. */
export function readFields(text: string): readonly { readonly name: string; readonly place: Place | undefined }[] {
  return list(text).map((one) => {
    const [, name = one, place = ''] = /^([^=]*)=(.*)$/.exec(one) ?? []
    return { name: name.trim(), place: readPlace(place) }
  })
}

export const list = (text: string) =>
  text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')

/** What a number or a text is called in fields, but not the proxy's own names. */
const own = ['length', 'check', 'kind', 'id', 'status']

function wrongPlace(answer: string, numbersOnly: boolean): string | undefined {
  const place = readPlace(answer)
  if (!place) return 'write a type and a place, as u32@8, or u32@length: behind the field "length"'
  const type = parseType(place.type)
  if (!type) return `there is no type "${place.type}"; ${typeHint(place.type)}`
  if (numbersOnly && (type.form === 'text' || type.form === 'map' || type.form === 'hessian'))
    return `this is a number, and ${place.type} is none`
  if (type.form === 'map') return 'maps need more than a type: add them to the document'
  return undefined
}

function wrongFields(answer: string): string | undefined {
  for (const [index, { name, place }] of readFields(answer).entries()) {
    if (!/^[A-Za-z_][\w-]*$/.test(name) || !place)
      return `"${list(answer)[index]}": write name=type@place, as msgid=u32@8, method=str(u8)@id`
    if (own.includes(name)) return `"${name}" is asked for on its own; choose another name`
    const wrong = wrongPlace(answerOf(place), false)
    if (wrong) return `${name}: ${wrong}`
  }
  return undefined
}

/** What `until(\n)` says of frames; undefined when it is something else. */
export function readUntil(answer: string): string | undefined {
  return /^until\((.+)\)$/s.exec(answer.trim())?.[1]
}

/** What `counts` says: `rest+4` is what is behind the field, and 4 bytes there are not counted; undefined when it is something else. */
export function countsOf(answer: string): { readonly counts: string; readonly plus: number } | undefined {
  const [, counts, plus = '0'] = /^(all|rest)(?: *\+ *(\d{1,6}))?$/.exec(answer.trim()) ?? []
  return counts === undefined ? undefined : { counts, plus: Number(plus) }
}

/** What `suffix` says, as a document has it; undefined when it can be none. */
export function suffixOf(answer: string): string | number | undefined {
  const byte = /^0x[\da-f]{1,2}$/i.test(answer) ? Number(answer) : undefined
  return byte ?? (delimiterBytes(answer) && answer)
}

/** The parts of `type@place=value`; undefined when it is something else. */
export function readMore(answer: string): { readonly place: string; readonly value: string } | undefined {
  const [, place = '', value = ''] = new RegExp(`^(.+)=(${number})$`, 'i').exec(answer.trim()) ?? []
  return value === '' ? undefined : { place, value }
}

const answerOf = ({ type, at }: Place) => `${type}@${at}`

function wrongKinds(answer: string): string | undefined {
  for (const one of list(answer)) {
    const [, name] = new RegExp(`^${number} *= *(\\w+)$`, 'i').exec(one) ?? []
    if (name === undefined) return `"${one}": write value=kind, as 1=request, 2=response`
    if (!frameKindNames.some((kind) => kind === name)) {
      return `there is no kind "${name}"; ${didYouMean(name, frameKindNames) ?? `kinds are ${frameKindNames.join(', ')}`}`
    }
  }
  return undefined
}

const oneOf =
  (...values: readonly string[]) =>
  (answer: string) =>
    values.includes(answer) ? undefined : values.join(' or ')
const orNone = (check: (answer: string) => string | undefined) => (answer: string) =>
  answer === '' ? undefined : check(answer)
const always = (text: string) => () => text
const oneSided = ({ sides = '' }: AnswerTexts) => sides !== 'yes'
const isKind = (answer: string) => frameKindNames.some((kind) => kind === answer)

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
    ask: String.raw`Length field (type@offset: u32@0, leb128@0 for a varint, dec(6)@0 for digits; or until(\n): frames end with these bytes)`,
    fallback: always('u32@0'),
    wrong: (a) => {
      const until = readUntil(a)
      if (until === undefined) return wrongPlace(a, true)
      return delimiterBytes(until) ? undefined : String.raw`1 to 16 bytes, as until(\r\n) or until(\x03)`
    },
  },
  {
    key: 'counts',
    ask: 'It counts all of the frame, or the rest behind it (all/rest; rest+4: with 4 bytes there that it does not count)',
    fallback: ({ length = '' }) => (readPlace(length)?.type.match(/^(leb|zig|mqtt|dec)/) ? 'rest' : 'all'),
    wrong: (a) => (countsOf(a) ? undefined : 'all or rest, or with more bytes, as rest+4'),
    applies: ({ length = '' }) => readUntil(length) === undefined,
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
    wrong: orNone((a) => (suffixOf(a) === undefined ? String.raw`1 to 16 bytes, as 0xce or \x55\xaa` : undefined)),
    applies: ({ length = '' }) => readUntil(length) === undefined,
  },
  {
    key: 'sides',
    ask: 'Are replies laid out otherwise than requests, and nothing in a frame says which it is? (yes/no)',
    fallback: always('no'),
    wrong: oneOf('yes', 'no'),
  },
  {
    key: 'kind',
    ask: 'Field that tells requests from replies (type@place, u8@length: behind the length; or "either": no frame says)',
    fallback: ({ length = '' }) =>
      readUntil(length) ? 'either' : readPlace(length)?.type.match(/^u?i?32/) ? 'u8@4' : 'u8@length',
    wrong: (a) => (isKind(a) ? undefined : wrongPlace(a, true)),
    applies: oneSided,
  },
  {
    key: 'kinds',
    ask: 'Its values (value=request|response|oneway|push|heartbeat|heartbeatReply|handshake|goaway, …)',
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
    applies: ({ id = '' }) => id === '',
  },
  {
    key: 'fields',
    ask: 'Fields to route by (name=type@place, as msgid=u32@8, method=str(u8)@id; str or bytes alone: up to the end)',
    fallback: always(''),
    wrong: wrongFields,
  },
  {
    key: 'status',
    ask: 'Status code of a reply, 0 is good (type@place, empty: none)',
    fallback: always(''),
    wrong: orNone((a) => wrongPlace(a, true)),
  },
  {
    key: 'more',
    ask: 'A reply of several frames: what says that more of it follow (type@place=value, as u8@5&0x80=0x80; empty: it is one frame)',
    fallback: always(''),
    wrong: orNone((a) => {
      const more = readMore(a)
      return more === undefined ? 'as u8@5&0x80=0x80, or u8@id=1' : wrongPlace(more.place, true)
    }),
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
    fallback: ({ id = '', first = '' }) =>
      first === 'server' ? 'bound' : id === '' ? 'bound, exclusive' : 'shared, bound, exclusive',
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
    applies: ({ kind = '', kinds = '', sides = '' }) =>
      oneSided({ sides }) && !isKind(kind) && kinds.includes('response'),
  },
  {
    key: 'header',
    ask: 'What such a reply repeats of the request: so many bytes, or up to the end of a field (empty: all fields)',
    fallback: always(''),
    wrong: orNone((a) => (/^\d+$|^[A-Za-z_][\w-]*$/.test(a) ? undefined : 'a number, or the name of a field')),
    applies: ({ error = 'no', kinds = '' }) => error !== 'no' || /heartbeat/.test(kinds),
  },
]

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
