/** What `meshgate protocol new` asks; every answer has a default. */
export interface NewProtocolAnswers {
  readonly name: string
  /** Type and offset of the length field. */
  readonly lengthType: string
  readonly lengthAt: number
  /** Whether it counts the whole frame or what follows it. */
  readonly counts: 'all' | 'rest'
  /** Longest frame, as `1MiB`. */
  readonly max: string
  /** A fixed value at the start of every frame. */
  readonly magic?: { readonly at: number; readonly type: string; readonly equals: number }
  /** Where the frame says whether it is a request, and which value means what. */
  readonly kind: { readonly at: number; readonly type: string; readonly is: Readonly<Record<number, string>> }
  readonly id?: { readonly at: number; readonly type: string }
  readonly fields: readonly { readonly name: string; readonly at: number; readonly type: string }[]
  /** Bytes of the header, which a reply copies. */
  readonly header: number
  /** Whether the protocol has an error reply made of the header and a code. */
  readonly errorReply: boolean
}

/** A question with its default, in the order to ask. `read` puts the answer in or says what is wrong with it. */
export interface Question {
  readonly key: string
  readonly ask: string
  readonly fallback: string
  readonly wrong: (answer: string) => string | undefined
}

const ints = /^[ui](8|16|24|32|64)(le)?$/
const place = (answer: string) => {
  if (answer === '') return undefined
  const [type = '', at = ''] = answer.split('@')
  return ints.test(type.trim()) && /^\d+$/.test(at.trim()) ? undefined : 'write a type and an offset, as u32@8'
}
const needed = (check: (answer: string) => string | undefined) => (answer: string) =>
  answer === '' ? 'this is needed' : check(answer)

export const questions: readonly Question[] = [
  {
    key: 'name',
    ask: 'Name of the protocol',
    fallback: 'mine',
    wrong: (a) => (/^[a-z][a-z0-9]*$/.test(a) ? undefined : 'small letters and digits'),
  },
  { key: 'length', ask: 'Length field (type@offset)', fallback: 'u32@0', wrong: needed(place) },
  {
    key: 'counts',
    ask: 'It counts all of the frame, or the rest behind it (all/rest)',
    fallback: 'all',
    wrong: (a) => (/^(all|rest)$/.test(a) ? undefined : 'all or rest'),
  },
  {
    key: 'max',
    ask: 'Longest frame',
    fallback: '1MiB',
    wrong: (a) => (/^\d+ ?([KMG]i?B?|B)?$/.test(a) ? undefined : 'a size as 64KiB'),
  },
  {
    key: 'magic',
    ask: 'Fixed value in every frame (type@offset=value, empty: none)',
    fallback: '',
    wrong: (a) => (a === '' || /^[ui]\d+(le)?@\d+=(0x[\da-f]+|\d+)$/i.test(a) ? undefined : 'as u16@4=0x4d47'),
  },
  { key: 'kind', ask: 'Field that tells requests from replies (type@offset)', fallback: 'u8@4', wrong: needed(place) },
  {
    key: 'kinds',
    ask: 'Its values (value=request|response|oneway|heartbeat|push, …)',
    fallback: '1=request, 2=response',
    wrong: (a) => (/^(\d+=\w+)(, *\d+=\w+)*$/.test(a) ? undefined : 'as 1=request, 2=response'),
  },
  { key: 'id', ask: 'Message id that a reply repeats (type@offset, empty: none)', fallback: '', wrong: place },
  {
    key: 'fields',
    ask: 'Fields to route by (name=type@offset, …)',
    fallback: '',
    wrong: (a) =>
      a === '' || /^\w+=[ui]\d+(le)?@\d+(, *\w+=[ui]\d+(le)?@\d+)*$/.test(a) ? undefined : 'as msgid=u32@8, uid=u64@16',
  },
  {
    key: 'header',
    ask: 'Length of the header in bytes',
    fallback: '',
    wrong: (a) => (a === '' || /^\d+$/.test(a) ? undefined : 'a number'),
  },
  {
    key: 'error',
    ask: 'Is an error reply the header and a u32 code? (yes/no)',
    fallback: 'no',
    wrong: (a) => (/^(yes|no)$/.test(a) ? undefined : 'yes or no'),
  },
]

/** Turns the texts of `questions` into answers. @throws SyntaxError when one of them is wrong. */
export function parseAnswers(texts: Readonly<Record<string, string>>): NewProtocolAnswers {
  const text = (key: string) => {
    const question = questions.find((one) => one.key === key)!
    const answer = (texts[key] ?? question.fallback).trim() || question.fallback
    const wrong = question.wrong(answer)
    if (wrong) throw new SyntaxError(`${question.ask}: ${JSON.stringify(answer)}: ${wrong}`)
    return answer
  }
  const at = (answer: string) => {
    const [type = '', offset = ''] = answer.split('@')
    return { type: type.trim(), at: Number(offset) }
  }
  const length = at(text('length'))
  const kind = at(text('kind'))
  const magic = /^(\w+)@(\d+)=(\w+)$/.exec(text('magic'))
  const id = text('id') ? at(text('id')) : undefined
  const list = text('fields')
    ? text('fields')
        .split(',')
        .map((one) => one.trim().split('='))
    : []
  const fields = list.map(([name = '', where = '']) => ({ name, ...at(where) }))
  const end = ({ type, at: offset }: { type: string; at: number }) => offset + Number(/\d+/.exec(type)![0]) / 8
  const known = [
    length,
    kind,
    ...(id ? [id] : []),
    ...fields,
    ...(magic ? [{ type: magic[1]!, at: Number(magic[2]) }] : []),
  ]
  return {
    name: text('name'),
    lengthType: length.type,
    lengthAt: length.at,
    counts: text('counts') as 'all' | 'rest',
    max: text('max'),
    ...(magic && { magic: { type: magic[1]!, at: Number(magic[2]), equals: Number(magic[3]) } }),
    kind: {
      ...kind,
      is: Object.fromEntries(
        text('kinds')
          .split(',')
          .map((pair) => pair.trim().split('=')),
      ),
    },
    ...(id && { id }),
    fields,
    header: text('header') ? Number(text('header')) : Math.max(...known.map(end)),
    errorReply: text('error') === 'yes',
  }
}

/** A commented Protocol document to start from; it passes `meshgate protocol check` when the answers fit together. */
export function newProtocol(answers: NewProtocolAnswers): string {
  const { name, lengthType, lengthAt, counts, max, magic, kind, id, fields, header, errorReply } = answers
  const kinds = Object.entries(kind.is).map(([value, of]) => `${value}: ${of}`)
  const response = Object.values(kind.is).includes('response')
  const heartbeat = Object.values(kind.is).includes('heartbeat')
  const lines = [
    'apiVersion: meshgate.io/v1',
    'kind: Protocol',
    `metadata: {name: ${name}}           # ports named ${name} or ${name}-… speak it`,
    'spec:',
    '  frame:',
    `    length: {at: ${lengthAt}, type: ${lengthType}, counts: ${counts}}   # ${counts === 'all' ? 'the whole frame, itself included' : 'what follows the field'}`,
    ...(magic
      ? [
          `    check: {at: ${magic.at}, type: ${magic.type}, equals: 0x${magic.equals.toString(16)}}   # a frame without it closes the connection`,
        ]
      : []),
    `    max: ${max}                      # a longer frame closes the connection`,
    '  message:',
    `    kind: {at: ${kind.at}, type: ${kind.type}, is: {${kinds.join(', ')}}}`,
    ...(id ? [`    id: {at: ${id.at}, type: ${id.type}}               # a reply repeats it`] : []),
    ...(fields.length > 0 ? ['  fields:                            # what routes can match'] : []),
    ...fields.map((field) => `    ${field.name}: {at: ${field.at}, type: ${field.type}}`),
    '  reply:',
    ...(errorReply && response
      ? [
          `    error: {from: request, bytes: ${header}, set: {kind: response}, body: u32 code}   # the header of the request and a code`,
        ]
      : ['    error: close                     # no error reply: the connection is closed instead']),
    ...(heartbeat ? [`    heartbeat: {from: request, bytes: ${header}, set: {kind: heartbeat}}`] : []),
    `  connections: [${id ? 'shared, bound, exclusive' : 'bound, exclusive'}]`,
  ]
  return `${lines.join('\n')}\n`
}
