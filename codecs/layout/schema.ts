import { z } from 'zod'
import { connectionModes, errorReasons, frameSides } from '../contract.ts'
import { checksumNames } from './checksum.ts'

/**
 * The shape of a `Protocol` document's `spec`. What fits together is checked by `compileProtocol`, which also knows lengths and offsets. Forms are
 * made of it: `doc` says what something is for, `title` tells alternatives apart, `id` is what is used in several places.
 */

const int = z.number().int()
const name = z.string().regex(/^[A-Za-z_][\w-]*$/, 'a name starts with a letter and has letters, digits, "_" and "-"')
const expression = z.union([int.min(0), z.string().min(1)]).meta({
  format: 'expression',
  doc: 'Bytes: a number, or a sum of numbers, fields, number*field and end(field), as in `16 + bodyLength`.',
})
const size = z
  .union([int.min(1), z.string().regex(/^\d+ ?([KMG]i?B?|B)?$/, 'a size like 65536, 64KiB or 1MiB')])
  .meta({ doc: 'A number of bytes: 65536, 64KiB, 1MiB.' })
const value = z.union([int, z.string()])

const condition = z
  .union([
    value,
    z.array(value).min(1),
    z
      .strictObject({
        mask: int.meta({ doc: 'The bits that are looked at.' }),
        equals: z
          .union([int, z.array(int)])
          .optional()
          .meta({ doc: 'What they must be, or one of these; absent: any of them is set.' }),
      })
      .meta({ title: 'bits' }),
    z
      .strictObject({
        not: z.union([value, z.array(value)]).meta({ doc: 'The value, or the values, it must not be.' }),
      })
      .meta({ title: 'anything but' }),
    z
      .strictObject({
        min: int.optional().meta({ doc: 'Least value.' }),
        max: int.optional().meta({ doc: 'Greatest value.' }),
      })
      .meta({ title: 'range' }),
  ])
  .meta({
    id: 'Condition',
    doc: 'A value or list of values, {mask, equals} (without equals: any of these bits), {not}, {min, max}, `present` or `absent`.',
  })
const below = z
  .strictObject({ below: expression })
  .meta({ title: 'below', doc: 'Below a number or a sum of fields, as `total` or `total - 1`.' })
const when = z.record(name, condition).meta({ doc: 'Field: condition; all of them hold.' })

const enumeration = z
  .record(
    z.string().regex(/^-?\d+$/, 'keys are numbers; a kind by text is rules: kind: [{is: request, when: {verb: GET}}]'),
    z.string(),
  )
  .meta({ doc: 'Names of values; with a mask, of the masked value as it stands on the wire.' })

const place = {
  at: expression.optional().meta({ doc: 'Offset from the start of the frame (of the container with `in`).' }),
  after: name.optional().meta({ doc: 'Starts where this field ends: the same as at: end(field).' }),
  type: z.string().optional().meta({
    doc: 'u8…u64, i8…i64 (big-endian; u16le…), leb128, zigzag, mqtt (varints; leb128(64)), ascii(n), bcd(n), dec(n) digits, str(u16), bytes(leb128), str(i16)? (nullable), str(leb128-1)? (length + 1, 0 = null), str or bytes with a size, cstr, until(=) (up to these bytes), hessian, map, list; in protobuf also int32…uint64, bool, fixed32, fixed64, message.',
  }),
  mask: int
    .min(1)
    .optional()
    .meta({ doc: 'Bits of an integer that belong to the field; values keep their place on the wire.' }),
  is: enumeration.optional(),
}

const alignment = int.min(2).max(256)
const plainFieldShape = {
  ...place,
  in: name.optional().meta({ doc: 'A container: a map, or bytes that hold protobuf or further fields.' }),
  pb: z
    .union([
      int.min(1),
      z.string().regex(/^(\d+(\.\d+)*|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)$/, 'numbers or names with dots between them'),
      z.array(int.min(1)).min(1),
    ])
    .optional()
    .meta({
      doc: 'Path of protobuf field numbers inside the container: 5, "1.2" or [1, 2]; or of names, where the container has `proto`.',
    }),
  proto: z
    .strictObject({
      file: z.string().min(1).meta({ doc: 'The .proto file, beside the document.' }),
      message: z.string().min(1).meta({ doc: 'Name of the message in it.' }),
    })
    .optional()
    .meta({
      doc: 'The bytes are this message of a .proto file beside the document: fields in it are named in `pb`, and need no type.',
    }),
  key: z.union([z.string(), int]).optional().meta({
    doc: 'Key of the entry in the map named by `in`: a text, or a number where keys are numbers; of a list the place, 0 the first, -1 the last.',
  }),
  size: z
    .union([expression, z.literal('rest')])
    .optional()
    .meta({ doc: 'Length of a str, bytes or map without a prefix; `rest`: up to the end.' }),
  keys: z.string().optional().meta({ doc: "Type of a map's keys, as str(u32), or u8 for numbers (tags)." }),
  values: z.string().optional().meta({ doc: "Type of a map's values, as str(u32) or bytes(u8)." }),
  items: z.string().optional().meta({ doc: "Type of a list's texts, as str(u8) or until(,)." }),
  count: z.string().optional().meta({
    doc: 'Integer type before the pairs of a map or the items of a list that counts them; absent: they fill the size.',
  }),
  ends: z
    .union([z.string(), int.min(0)])
    .optional()
    .meta({
      doc: 'A map ends with this key, which nothing stands behind; a list with an empty item: "". The size may then be left out.',
    }),
  anyCase: z
    .boolean()
    .optional()
    .meta({ doc: "Letters of a map's keys are the same in both cases (of ASCII), as in the headers of HTTP." }),
  blocks: z.array(int).optional().meta({
    doc: 'The map is a list of blocks, each a leb128 number and its pairs; these numbers hold pairs, others end the list.',
  }),
  of: name.optional().meta({ doc: 'Part of another text field; with split and part.' }),
  split: z.string().min(1).optional().meta({ doc: 'The separator between the parts.' }),
  part: z
    .enum(['first', 'last'])
    .optional()
    .meta({ doc: 'first: before the separator (absent without one); last: behind it, or all.' }),
  when: when.optional().meta({ doc: 'The field is there only when these hold; it takes no bytes otherwise.' }),
  optional: z.boolean().optional().meta({ doc: 'A frame may end before the field.' }),
  writable: z.boolean().optional().meta({ doc: 'false: no filter may change it.' }),
  align: alignment.optional().meta({
    doc: 'Zeros follow a str or bytes (with the length in front of it) up to a multiple of so many bytes; what counts its length does not count them. Of a map: each pair.',
  }),
  max: int.min(0).optional().meta({ doc: 'Longest value of a str or bytes; a longer one makes the frame malformed.' }),
  doc: z.string().optional().meta({ doc: 'One sentence for people.' }),
}
const plainField = z.strictObject(plainFieldShape).meta({ id: 'PlainField' })
const length = z
  .union([
    expression,
    z
      .strictObject({
        at: expression.optional().meta({ doc: 'Where it stands: bytes from the start.' }),
        after: name.optional().meta({ doc: 'It stands behind this field.' }),
        type: z.string().meta({ doc: 'Type of the length, as u32, u16le, leb128 or dec(6).' }),
        mask: int.min(1).optional().meta({ doc: 'Bits that are the length.' }),
        counts: z
          .enum(['all', 'rest'])
          .meta({ doc: 'all: the whole frame, itself included; rest: what comes behind the field.' }),
        times: int.min(1).optional().meta({ doc: 'Bytes per unit; default 1.' }),
        plus: int.optional().meta({ doc: 'Bytes to add to what is counted.' }),
      })
      .meta({ title: 'a field that counts' }),
  ])
  .meta({
    id: 'Length',
    doc: 'A field that counts bytes, or a sum as `22 + classLen + headerLen + contentLen`, or a constant.',
  })

const entry = z
  .strictObject({
    length: length.meta({
      doc: 'How long an entry is, as of a frame: a field that counts `all` of it or the `rest`, or a sum as `4 + size`.',
    }),
    align: alignment
      .optional()
      .meta({ doc: 'An entry takes a multiple of so many bytes; its length does not count them.' }),
    key: plainField.meta({ doc: 'What the entry is called by; numbers may have names (`is`).' }),
    fields: z.record(name, plainField).optional().meta({ doc: "What else stands in an entry's header." }),
    value: plainField.meta({
      doc: 'Where the value begins; it goes to the end of the entry, and is bytes, unless it says other things.',
    }),
    when: when.optional().meta({ doc: 'Only entries for which this holds are meant; the others stay as they are.' }),
    ends: when.optional().meta({ doc: 'The entry for which this holds is the last.' }),
    set: z
      .record(name, int)
      .optional()
      .meta({ doc: 'What stands in the fields of an entry that a filter adds; 0 in the others.' }),
  })
  .meta({ id: 'Entry', title: 'laid out here', doc: 'How an entry is laid out: offsets count from its first byte.' })

const fieldShape = {
  ...plainFieldShape,
  entry: z
    .union([name, entry])
    .optional()
    .meta({ doc: 'Entries of a map that are laid out as frames are, or the name of a map that has the same.' }),
}
const field = z.strictObject(fieldShape).meta({ id: 'Field', title: 'a field' })
const idField = z
  .strictObject({
    ...fieldShape,
    reserved: z
      .union([int, z.array(int).min(1)])
      .optional()
      .meta({
        doc: 'Ids that mean something else, as "no reply": the proxy gives none of them on shared connections. It never gives 0.',
      }),
  })
  .meta({ id: 'IdField', title: 'a field' })

const check = z
  .strictObject({
    at: expression.meta({ doc: 'Bytes from the start of the frame.' }),
    type: z.string().meta({ doc: 'An integer type, as u16.' }),
    equals: z.union([int, z.array(int).min(1)]).meta({ doc: 'The value, or the values, allowed.' }),
    mask: int.min(1).optional().meta({ doc: 'Bits that are looked at.' }),
  })
  .meta({ id: 'Check', title: 'one' })

const frame = {
  length: length.optional(),
  until: z
    .union([z.string().min(1), int.min(0).max(255), z.array(z.union([z.string().min(1), int.min(0).max(255)])).min(1)])
    .optional()
    .meta({
      doc: 'The frame goes up to these bytes and has them at its end, instead of a length: a text, with \\n, \\r, \\0 and \\x01, or one byte as a number. A list: any of them; frames of the proxy get the first.',
    }),
  opens: z
    .union([z.string().min(1), int.min(0).max(255)])
    .optional()
    .meta({
      doc: 'Bytes that every frame with `until` begins with; offsets count from behind them. Where they are those of `until`: any number of them, or none.',
    }),
  escape: z
    .strictObject({
      by: z.union([z.string().min(1), int.min(0).max(255)]).meta({ doc: 'The byte in front of one that is escaped.' }),
      is: z
        .record(z.string(), z.union([z.string().min(1), int.min(0).max(255)]))
        .optional()
        .meta({ doc: 'Byte behind it: byte that is meant, as {0xdc: 0xc0, 0xdd: 0xdb}. Others are broken.' }),
      xor: int.min(1).max(255).optional().meta({ doc: 'The byte behind it has these bits turned, as 0x20.' }),
    })
    .optional()
    .meta({
      doc: 'Frames with `until` in whose content bytes are escaped: fields are those of the content as it is meant. Without `is` and `xor` the byte behind `by` is itself.',
    }),
  suffix: z
    .union([z.string(), int.min(0).max(255)])
    .optional()
    .meta({
      doc: 'Bytes that every frame ends with, counted by its length: a text, with \\n, \\0 and \\x01, or one byte as a number; "" in a variant: none. A frame without them closes the connection.',
    }),
  align: alignment.optional().meta({
    doc: 'The frame takes a multiple of so many bytes, zeros behind what `length` says.',
  }),
  check: z
    .union([check, z.array(check).meta({ title: 'several' })])
    .optional()
    .meta({ doc: 'Fixed values (magic, version); a frame without them closes the connection.' }),
  max: size.optional().meta({ doc: 'No frame is longer; default 1MiB.' }),
  min: size.optional().meta({ doc: 'No frame is shorter; default: the end of the header.' }),
  checksum: z
    .strictObject({
      type: z.enum(checksumNames).meta({ doc: 'How it is made.' }),
      at: expression.optional().meta({ doc: 'Default: at the end of the frame, between `prefix` and `suffix`.' }),
      from: int.min(0).optional().meta({ doc: 'The first byte it covers; default 0.' }),
      when: when.optional().meta({ doc: 'Only frames for which these hold have it.' }),
      as: z
        .enum(['bytes', 'decimal', 'hex'])
        .optional()
        .meta({ doc: 'How it is written: in binary (the default), or as digits, as many as its largest value has.' }),
      prefix: z
        .string()
        .optional()
        .meta({ doc: 'Bytes in front of it that it does not cover, as in 10=, the tag of FIX.' }),
      suffix: z.string().optional().meta({ doc: 'Bytes behind it.' }),
    })
    .optional()
    .meta({
      doc: 'Over all bytes before it: crc32, crc32le (little-endian), crc16-ccitt (CCITT-FALSE), crc16-xmodem, crc16-modbus (low byte first), sum8, xor8; made anew when the proxy changes a frame, and put behind frames of its own.',
    }),
}

const kindName = z.string()
const kindRule = z.strictObject({
  is: kindName.meta({
    doc: 'request, response, oneway, heartbeat, heartbeatReply, push, goaway, handshake, either, opaque or cancel.',
  }),
  when: when.optional().meta({ doc: 'Fields of which these conditions hold; without any it is every other frame.' }),
})
const kind = z.union([kindName, field, z.array(kindRule).min(1).meta({ title: 'rules' })]).meta({
  doc: 'A field with `is: {value: kind}`, rules [{is, when}] of which the first that holds counts, or one kind for all.',
})

const message = {
  kind,
  id: z
    .union([idField, z.array(idField).min(1).meta({ title: 'several' })])
    .optional()
    .meta({ doc: 'What joins a reply with its request. A list: the first is read, all are written.' }),
  status: z.union([name, field]).optional().meta({ doc: 'The code of a response: a field, or the name of one.' }),
  error: when
    .optional()
    .meta({ doc: 'A response is an error reply when this holds; default: by the bits reply.error sets in `flags`.' }),
  timeout: z
    .union([name, field])
    .optional()
    .meta({ doc: 'How long the client waits, in ms: a field, or the name of one.' }),
  more: z
    .union([
      z.literal(true).meta({ title: 'always' }),
      z.record(name, z.union([condition, below])).meta({ title: 'by conditions' }),
    ])
    .optional()
    .meta({
      doc: 'A reply has several frames: more of them follow one of which this holds, and the first of which it does not is the last. `true`: a frame of this variant is never the last.',
    }),
  flags: field.optional().meta({ doc: 'Flag bits; default, where a reply sets them: the byte behind `kind`.' }),
}

type Item = string | { readonly [type: string]: readonly Item[] }
const item: z.ZodType<Item> = z.lazy(() => z.union([z.string(), z.record(z.string(), z.array(item))]))
const template = z
  .strictObject({
    from: z
      .string()
      .optional()
      .meta({ doc: '`request`: start with a copy of its first bytes. `hex …`: start with these.' }),
    bytes: expression.optional().meta({ doc: 'How many bytes of the request to copy; default: the header.' }),
    set: z
      .record(name, value)
      .optional()
      .meta({ doc: 'Field: number, name of a value, `body` (length of the body) or `code`.' }),
    body: z
      .union([z.string(), z.array(item)])
      .optional()
      .meta({
        doc: 'What follows: `u32 code`, `str(u16) message`, `u32 id`, `hex 00ff`, `text …`; {`leb128 size`: […]} puts a length in front.',
      }),
    codes: z
      .partialRecord(z.enum(errorReasons), int)
      .optional()
      .meta({ doc: "The protocol's code for each of our reasons." }),
  })
  .meta({ id: 'Template', title: 'a frame' })
const reply = {
  error: z
    .union([z.literal('close').meta({ title: 'none: the connection ends' }), template])
    .optional()
    .meta({ doc: 'An error reply to a request; `close`: the protocol has none.' }),
  heartbeat: template.optional().meta({ doc: 'The answer to a heartbeat.' }),
  goaway: template.optional().meta({ doc: 'Tells a client to send no new requests.' }),
  ping: template.optional().meta({ doc: 'A heartbeat of our own to an idle upstream.' }),
}

const frameSpec = z.strictObject(frame).partial().meta({ id: 'Frame' })
const messageSpec = z.strictObject(message).partial().meta({ id: 'Message' })
const replySpec = z.strictObject(reply).meta({ id: 'Reply' })

const variant = z.strictObject({
  name: name.meta({ doc: 'Name, for logs and complaints.' }),
  from: z
    .enum(frameSides)
    .optional()
    .meta({ doc: 'Only frames of this side are laid out so; for protocols whose frames do not say whose they are.' }),
  when: when
    .optional()
    .meta({ doc: 'Fields by which frames of this layout are known; without any it is every other one.' }),
  frame: frameSpec.optional().meta({ doc: 'What differs from the frame of all.' }),
  message: messageSpec.optional().meta({ doc: 'What differs from the message of all.' }),
  fields: z.record(name, field).optional().meta({ doc: 'Fields that only frames of this layout have.' }),
  reply: replySpec.optional().meta({ doc: 'Frames the proxy makes of this layout.' }),
})

export const protocolSpec = z
  .strictObject({
    description: z.string().optional().meta({ doc: 'One sentence.' }),
    frame: z.strictObject(frame).meta({ doc: 'Where a frame ends.' }).optional(),
    message: messageSpec.meta({ doc: 'What the proxy must know of a message.' }).optional(),
    fields: z.record(name, field).optional().meta({ doc: 'What routes may match on.' }),
    variants: z
      .array(variant)
      .min(1)
      .optional()
      .meta({ doc: 'Layouts that differ by a field; the first whose `when` holds counts.' }),
    reply: replySpec.optional().meta({ doc: 'Frames the proxy makes itself.' }),
    connections: z
      .array(z.enum(connectionModes))
      .min(1)
      .optional()
      .meta({ doc: 'Ways to use upstream connections, the preferred first; default bound, exclusive.' }),
    trace: z.string().min(1).optional().meta({
      doc: 'The field with the trace of a request: `traceparent` as text, or a trace id as 16 bytes or 32 hex digits; or `map.key`.',
    }),
    speaksFirst: z.enum(frameSides).optional().meta({
      doc: 'Who says the first word; default client. `upstream`: it is chosen when a client comes, by a route without `match`, and stays; connections are bound.',
    }),
    ordered: z.boolean().optional().meta({ doc: 'Replies come in the order of the requests and need no id.' }),
    module: z
      .string()
      .optional()
      .meta({ doc: 'A JavaScript module, relative to the document: exports `codec`, or `extendCodec(layoutCodec)`.' }),
  })
  .meta({ doc: 'A private protocol: how bytes become frames and frames become fields.' })

export type ProtocolSpec = z.infer<typeof protocolSpec>
export type FrameSpec = NonNullable<ProtocolSpec['frame']>
export type FieldSpec = z.infer<typeof field>
export type EntrySpec = z.infer<typeof entry>
export type LengthSpec = z.infer<typeof length>
export type CheckSpec = z.infer<typeof check>
export type KindSpec = z.infer<typeof kind>
export type MessageSpec = NonNullable<ProtocolSpec['message']>
export type VariantSpec = z.infer<typeof variant>
export type ReplySpec = z.infer<z.ZodObject<typeof reply>>
export type TemplateSpec = z.infer<typeof template>
export type TemplateItem = Item
export type ConditionSpec = z.infer<typeof condition>
export type WhenSpec = Readonly<Record<string, ConditionSpec>>
