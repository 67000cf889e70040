import {
  create,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import { type Any, AnySchema, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt'
import { sortMaps } from './sort-maps.ts'

/** Keys of any member of a union, and what any of them has there. */
type KeyOf<Wanted> = Wanted extends unknown ? keyof Wanted : never
type At<Wanted, Key> = Wanted extends unknown ? (Key extends keyof Wanted ? Wanted[Key] : never) : never
type ItemOf<Wanted> = Wanted extends readonly (infer Item)[] ? Item : never

/** Unknown keys become `never`, so that a misspelt field is a compile error in variables too, not only in literals. */
type Exact<Wanted, Given> = Given extends Message | Uint8Array | bigint
  ? Given
  : Given extends readonly (infer Item)[]
    ? readonly Exact<ItemOf<Wanted>, Item>[]
    : Given extends object
      ? { [Key in keyof Given]: Key extends KeyOf<Wanted> ? Exact<At<Wanted, Key>, Given[Key]> : never }
      : Given

/** Creates a message from an init object, every name of which has to be a field. */
export function make<Desc extends DescMessage, Init extends MessageInitShape<Desc>>(
  schema: Desc,
  init: Init & Exact<MessageInitShape<Desc>, Init>,
): MessageShape<Desc> {
  return create(schema, init as MessageInitShape<Desc>)
}

/** The message as `google.protobuf.Any`, bytes final: maps are sorted, so equal content gives equal bytes. */
export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  const message = create(schema, init)
  return create(AnySchema, { typeUrl: typeUrl(schema), value: encode(schema, message) })
}

/** `type.googleapis.com/<full name>`. */
export function typeUrl(schema: DescMessage): string {
  return `type.googleapis.com/${schema.typeName}`
}

/** Deterministic binary form: map entries in key order. Field order is the schema's already. */
export function encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  sortMaps(schema, message)
  return toBinary(schema, message)
}

/** A `google.protobuf.Duration` from milliseconds (fractions become nanoseconds). */
export function duration(milliseconds: number): Duration {
  const seconds = Math.floor(milliseconds / 1000)
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((milliseconds - seconds * 1000) * 1e6),
  })
}
