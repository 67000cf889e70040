import { frameKindNames } from '../contract.ts'
import type { ChecksumName } from '../layout/checksum.ts'
import { didYouMean } from '../layout/names.ts'
import { behind, type FieldAnswer, littleEndian, type Place, readFields, readPlace } from './places.ts'
import {
  type AnswerTexts,
  bytesOf,
  completeAnswers,
  countsOf,
  type EscapeAnswer,
  isKind,
  isNumber,
  type MoreAnswer,
  readEscape,
  readKinds,
  readMore,
  readStatus,
  readSum,
  readUntil,
} from './questions.ts'

export interface Named extends Place {
  readonly name: string
}

/** What answers say of a protocol: a document is written of it (`new.ts`), and frames are made (`sample.ts`). */
export interface Sketch {
  readonly name: string
  readonly little: boolean
  /** A field, or a sum of others; absent where frames end with `until`. */
  readonly length: Named | undefined
  readonly sum: string | undefined
  readonly until: string | undefined
  readonly counts: string
  readonly plus: number
  readonly opens: string | number | undefined
  readonly escape: EscapeAnswer | undefined
  readonly max: string
  readonly magic: (Named & { readonly value: string }) | undefined
  readonly checksum: ChecksumName | undefined
  readonly suffix: string | number | undefined
  /** Requests and replies are laid out each for itself. */
  readonly sides: boolean
  /** One kind for all frames, if it is so. */
  readonly constant: string | undefined
  /** What the kind is read of; `rules`: a field to route by, or one that has rules since there are other values. */
  readonly kind: Named | undefined
  readonly rules: { readonly field: string; readonly texts: boolean } | undefined
  readonly kinds: readonly (readonly [value: string, kind: string])[]
  readonly id: Named | undefined
  readonly replyId: Named | undefined
  readonly fields: readonly FieldAnswer[]
  readonly status: (Named & { readonly good: readonly string[] }) | undefined
  readonly more: MoreAnswer | undefined
  /** Places that only `more` names, as fields. */
  readonly parts: readonly Named[]
  readonly answers: AnswerTexts
}

/**
 * What the answers say; what is not answered has its fallback.
 * @throws SyntaxError when an answer is wrong, or two do not fit together
 */
export function readSketch(texts: AnswerTexts): Sketch {
  const answers = completeAnswers(texts)
  const answer = (key: string) => answers[key] ?? ''
  const little = answer('order') === 'little'
  const ordered = (place: Place) => (little ? littleEndian(place) : place)
  const find = (name: string, text: string): Named | undefined => {
    const place = readPlace(text)
    return place && { name, ...ordered(place) }
  }
  const [, magicPlace = '', value = ''] = /^(.+)=(.+)$/.exec(answer('magic')) ?? []
  const magic = find('check', magicPlace)
  const fields = readFields(answer('fields')).map((field) =>
    field.place ? { ...field, place: ordered(field.place) } : field,
  )
  const kinds = readKinds(answer('kinds'))
  const { kind, rules, constant } = kindOf(answer('kind'), kinds, fields, find)
  checkKinds(fields, kind !== undefined || rules !== undefined || answer('sides') === 'yes', kinds)
  checkEnds(fields)
  const said = answer('status') === '' ? undefined : readStatus(answer('status'))
  const place = said && find('status', said.place)
  const { more, parts } = moreOf(answer('more'), find)
  const { counts = 'all', plus = 0 } = countsOf(answer('counts')) ?? {}
  const length = find('length', answer('length'))
  const escaping = answer('escape')
  return {
    name: answer('name'),
    little,
    length,
    sum: length ? undefined : readSum(answer('length')),
    until: readUntil(answer('length')),
    counts,
    plus,
    opens: answer('opens') === '' ? undefined : bytesOf(answer('opens')),
    escape: escaping === '' ? undefined : readEscape(escaping),
    max: answer('max'),
    magic: magic && { ...magic, value },
    checksum: answer('checksum') === '' ? undefined : (answer('checksum') as ChecksumName),
    suffix: answer('suffix') === '' ? undefined : bytesOf(answer('suffix')),
    sides: answer('sides') === 'yes',
    constant,
    kind,
    rules,
    kinds,
    id: find('id', answer('id')),
    replyId: find('id', answer('replyId')),
    fields: withLimits(fields, length, answer('length')),
    status: place && { ...place, good: said.good },
    more,
    parts,
    answers,
  }
}

/** What the kind is read of. @throws SyntaxError where that is a field that is not there */
function kindOf(
  answer: string,
  kinds: Sketch['kinds'],
  fields: readonly FieldAnswer[],
  find: (name: string, text: string) => Named | undefined,
): Pick<Sketch, 'kind' | 'rules' | 'constant'> {
  const none = { kind: undefined, rules: undefined, constant: undefined }
  if (answer === '') return none
  if (isKind(answer)) return { ...none, constant: answer }
  const place = find('kind', answer)
  const words = kinds.find(([value]) => value !== '*' && !isNumber(value))
  if (place) {
    if (words) throw new SyntaxError(`kinds: "${words[0]}": values of ${place.type} are numbers`)
    if (!kinds.some(([value]) => value === '*')) return { ...none, kind: place }
    const taken = fields.map(({ name }) => name)
    const field = ['op', 'opcode', 'operation'].find((name) => !taken.includes(name)) ?? 'kindCode'
    return { ...none, kind: { ...place, name: field }, rules: { field, texts: false } }
  }
  const field = fields.find(({ name }) => name === answer)
  if (!field) {
    const known = [...fields.map(({ name }) => name), ...frameKindNames]
    throw new SyntaxError(
      `kind: there is no field "${answer}" to route by${didYouMean(answer, known) ? `; ${didYouMean(answer, known)}` : ', and no kind of that name'}`,
    )
  }
  const type = field.place?.type
  return {
    ...none,
    rules: { field: answer, texts: type === undefined || !/^([ui]\d|leb|zig|mqtt|ber|ascii|bcd|dec)/.test(type) },
  }
}

/** @throws SyntaxError when a field is of kinds that no frame has, or that nothing tells apart */
function checkKinds(fields: readonly FieldAnswer[], told: boolean, kinds: Sketch['kinds']): void {
  for (const { name, place } of fields)
    for (const kind of place?.kinds ?? []) {
      if (!told) throw new SyntaxError(`fields: ${name}:${kind}: nothing in a frame says its kind`)
      if (kinds.length > 0 && !kinds.some(([, known]) => known === kind))
        throw new SyntaxError(`fields: ${name}:${kind}: "kinds" has no ${kind}`)
    }
}

/** @throws SyntaxError when a field stands behind one that goes up to the end of the frame */
function checkEnds(fields: readonly FieldAnswer[]): void {
  for (const { name, place } of fields) {
    const before = place && fields.find((one) => one.name === behind(place))
    if (!before?.place || before.place.size || !['str', 'bytes', 'list', 'map'].includes(before.place.type)) continue
    throw new SyntaxError(
      `fields: "${name}" stands behind "${before.name}", which goes up to the end of the frame; say how many bytes that has, as ${before.place.type === 'str' || before.place.type === 'bytes' ? before.place.type : `${before.place.type}(…)`}[size]@… with size=u16@…`,
    )
  }
}

function moreOf(
  answer: string,
  find: (name: string, text: string) => Named | undefined,
): Pick<Sketch, 'more' | 'parts'> {
  const said = answer === '' ? undefined : readMore(answer)
  if (!said) return { more: undefined, parts: [] }
  const part = find('part', said.left)
  const parts = said.how === '<' ? find('parts', said.right) : undefined
  return {
    more: { ...said, left: part ? 'part' : said.left, right: parts ? 'parts' : said.right },
    parts: [part, parts].filter((one) => one !== undefined),
  }
}

/** Texts that say their end are searched for a length behind them: those need a longest. */
const longestText = 64

function withLimits(fields: readonly FieldAnswer[], length: Named | undefined, text: string): readonly FieldAnswer[] {
  const before = new Set<string>()
  const names = (expression: string) => {
    for (const [name] of expression.matchAll(/[A-Za-z_][\w-]*/g)) {
      const place = fields.find((field) => field.name === name)?.place
      if (!place || before.has(name)) continue
      before.add(name)
      names(place.at)
    }
  }
  names(length ? length.at : text)
  return fields.map((field) => {
    const { place, name } = field
    return place && before.has(name) && /^(until|cstr)/.test(place.type) ? { ...field, most: longestText } : field
  })
}

/** The fields of frames of a kind that have a place of their own, with what the proxy has names for. */
export function placedFields({ fields }: Sketch): readonly Named[] {
  return fields.flatMap(({ name, place }) => (place ? [{ name, ...place }] : []))
}

/** Whether frames of a kind have it. */
export function isOf({ kinds }: Place, kind: string): boolean {
  return kinds === undefined || kinds.includes(kind)
}
