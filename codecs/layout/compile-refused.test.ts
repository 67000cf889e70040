import { describe, expect, test } from 'vitest'
import { checkProtocols } from '../document.ts'
import { check, compile, good, refusal } from './fixture.ts'

describe('refused at load, with path and reason', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'a length field wider than a frame may be',
      good.replace('type: u32, counts', 'type: u64, counts'),
      /spec.frame.length.type: a length field of 64 bits is wider/,
    ],
    ['a maximum no proxy can hold', good.replace('64KiB', '2GiB'), /spec.frame.max: the maximum 2147483648 is above/],
    [
      'a minimum above the maximum',
      good.replace('max: 64KiB', 'max: 64, min: 100'),
      /spec.frame.min: the minimum 100 is above the maximum 64/,
    ],
    [
      'a minimum of a condition above its maximum',
      `${good}variants: [{name: a, when: {msgid: {min: 5, max: 4}}}]`,
      /the minimum 5 is above the maximum 4/,
    ],
    [
      'a maximum below the header',
      good.replace('64KiB', '10'),
      /spec.frame.max: the header of 16 bytes is above the maximum 10/,
    ],
    [
      'a minimum below the header',
      good.replace('max: 64KiB', 'min: 8'),
      /spec.frame.min: a frame length of 8 is below the header, which ends at 16/,
    ],
    [
      'lengths that cannot reach the header',
      good.replace('length: {at: 0, type: u32, counts: all}', 'length: 8'),
      /at most 8, below its header of 16/,
    ],
    [
      'shared connections without an id',
      `${good.replace(/ {2}id: .*\n/, '')}connections: [shared]`,
      /spec.connections.0: shared connections need a message id/,
    ],
    [
      'shared connections with an id that only some frames have',
      `${good.replace('{at: 8, type: u32}', '{at: 8, type: u32, when: {msgid: 1}}')}connections: [bound, shared]`,
      /spec.connections.1: shared connections need an id that can be written/,
    ],
    [
      'shared connections with an id nobody may write',
      `${good.replace('{at: 8, type: u32}', '{at: 8, type: u32, writable: false}')}connections: [shared]`,
      /cannot/,
    ],
    [
      'a variant behind one that always matches',
      `${good}variants: [{name: a}, {name: b, when: {msgid: 1}}]`,
      /spec.variants.1.when: the variant "b" is never reached/,
    ],
    [
      'a variant whose values earlier ones used up',
      `${good}variants: [{name: a, when: {kind: [1, 2]}}, {name: b, when: {kind: {max: 2, min: 1}}}]`,
      /the variant "b" is never reached/,
    ],
    [
      'a variant against the magic number',
      `${good.replace('max: 64KiB', 'check: {at: 5, type: u8, equals: 7}')}variants: [{name: a, when: {check: 8}}, {name: b}]`,
      /the variant "a" is never reached/,
    ],
    [
      'overlapping fields that can be written',
      good.replace('msgid: {at: 12', 'msgid: {at: 10'),
      /spec.fields.msgid: "msgid" overlaps "id", and both can be written/,
    ],
    [
      'fields that share bits of a byte',
      `${good}`.replace('fields: {', 'fields: {a: {at: 5, type: u8, mask: 0x0f}, b: {at: 5, type: u8, mask: 0x18}, '),
      /"b" overlaps "a"/,
    ],
    [
      'a fixed field behind one whose length varies',
      good.replace('fields: {', 'fields: {name: {at: 16, type: str(u16)}, x: {at: 40, type: u8}, '),
      /"x" overlaps "name"/,
    ],
    [
      'an offset that depends on a later field',
      good.replace('fields: {', 'fields: {n: {at: 100, type: u16}, x: {at: 20 + n, type: u8}, '),
      /spec.fields.x.at: the offset depends on a later field: "n" ends at 102/,
    ],
    [
      'offsets in a circle',
      good.replace('fields: {', 'fields: {a: {after: b, type: str(u8)}, b: {after: a, type: str(u8)}, '),
      /depends on a later field: .*a → b → a/,
    ],
    [
      'a size that depends on a later field',
      good.replace('fields: {', 'fields: {t: {at: 16, type: bytes, size: n}, n: {at: 50, type: u8}, '),
      /the size depends on a later field/,
    ],
    [
      'an offset below zero',
      good.replace('fields: {', 'fields: {x: {at: 2 - 4, type: u8}, '),
      /spec.fields.x.at: the offset can be below zero/,
    ],
    [
      'a field that does not exist',
      good.replace('fields: {', 'fields: {x: {after: msgidd, type: u8}, '),
      /spec.fields.x.after: there is no field "msgidd"/,
    ],
    [
      'a type that does not exist',
      good.replace('fields: {', 'fields: {x: {at: 16, type: uint32}, '),
      /spec.fields.x.type: there is no type "uint32"/,
    ],
    [
      'a kind that does not exist',
      good.replace('2: response', '2: reply'),
      /spec.message.kind.is.2: there is no kind "reply"/,
    ],
    [
      'a value outside its mask',
      good.replace('type: u8, is', 'type: u8, mask: 0x01, is'),
      /the value 0x2 has bits outside the mask 0x1/,
    ],
    [
      'a value the field cannot have',
      `${good}variants: [{name: a, when: {kind: 300}}]`,
      /300 can never be in "kind", its largest value is 255/,
    ],
    [
      'a length inside what it counts',
      good
        .replace('length: {at: 0, type: u32, counts: all}', 'length: 20 + n')
        .replace('fields: {', 'fields: {box: {at: 16, type: bytes, size: 4}, n: {in: box, at: 0, type: u16}, '),
      /cannot depend on "n"/,
    ],
    [
      'a fixed value behind something as long as a number says',
      good
        .replace('fields: {', 'fields: {n: {at: 14, type: u16}, ')
        .replace('max: 64KiB', 'max: 64KiB, check: {at: 16 + n, type: u8, equals: 206}'),
      /spec.frame.check: a fixed value cannot stand behind something/,
    ],
    [
      'a size divided that need not be whole',
      good.replace('fields: {', 'fields: {w: {at: 5, type: u8, mask: 0x0f}, x: {at: 16 + w/4, type: u8}, '),
      /spec.fields.x.at: "w" divided by 4 need not be a whole number/,
    ],
    [
      'connections to share where bits of the id say what a message is',
      `${good}connections: [shared]`.replace(
        /kind: .*\n/,
        'kind: [{is: response, when: {id: {mask: 0x80}}}, {is: request}]\n',
      ),
      /spec.connections.0: what a message is hangs on bits or a range of its id \({"mask":128}\)/,
    ],
    [
      'a reply shorter than the header',
      good.replace('error: close', 'error: {from: request, bytes: 8}'),
      /spec.reply.error.bytes: the reply copies 8 bytes of the request, its header takes 16/,
    ],
    [
      'a literal reply the protocol itself refuses',
      good.replace('error: close', 'error: {from: hex 0000000c02000000 00000000}'),
      /spec.reply.error: this makes a frame the protocol itself refuses: belowHeader/,
    ],
    [
      'a reply that sets an unknown field',
      good.replace('error: close', 'error: {set: {sort: 1}}'),
      /spec.reply.error.set.sort: there is no field "sort"/,
    ],
    [
      'a handshake on shared connections',
      `${good.replace('2: response', '2: response, 3: handshake')}connections: [shared]`,
      /a handshake belongs to one connection/,
    ],
    [
      'an upstream that speaks first on shared connections',
      `${good}connections: [bound, shared]\nspeaksFirst: upstream`,
      /spec.connections.1: what an upstream says first belongs to one client: shared connections have none/,
    ],
    [
      'a magic number where shared connections write ids',
      `${good.replace('max: 64KiB', 'max: 64KiB, check: {at: 8, type: u16, equals: 0x1234}')}connections: [bound, shared]`,
      /spec.connections.1: "check" lies in the id and says what the frame is/,
    ],
    [
      'a kind where shared connections write ids',
      `${good.replace('kind: {at: 4', 'kind: {writable: false, at: 11')}connections: [shared]`,
      /spec.connections.0: "kind" lies in the id and says what the frame is/,
    ],
    [
      'a variant chosen by another name of the id on shared connections',
      `${good.replace('fields: {', 'fields: {who: {at: 8, type: u8, writable: false}, ')}connections: [shared]
variants: [{name: a, when: {who: 3}}, {name: b}]`,
      /spec.connections.0: "who" lies in the id and says what the frame is in the variant "a"/,
    ],
    [
      'a checksum on the length',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: crc16-modbus, at: 2}'),
      /spec.frame.checksum: the checksum overlaps "length"/,
    ],
    [
      'a checksum on the kind',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: sum8, at: 4}'),
      /spec.frame.checksum: the checksum overlaps "kind"/,
    ],
    [
      'a checksum on a field that can be written',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: crc32, at: 14}'),
      /spec.frame.checksum: the checksum overlaps "msgid"/,
    ],
    [
      'a checksum of nothing',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: crc32, at: 16, from: 20}'),
      /spec.frame.checksum.at: the checksum stands at 16 and covers nothing/,
    ],
    [
      'a field of no bits',
      good.replace('{at: 12, type: u32}', '{at: 12, type: u32, mask: 0}'),
      /spec.fields.msgid.mask: 0 is less than 1/,
    ],
    [
      'bits a field has not',
      `${good}variants: [{name: a, when: {kind: {mask: 0x100}}}, {name: b}]`,
      /spec.variants.0.when.kind.mask: the mask 0x100 is above 0xff/,
    ],
    [
      'a variant behind the same bits of a wide number',
      `${good}variants: [{name: a, when: {msgid: {mask: 1, equals: 1}}}, {name: b, when: {msgid: [3, 5]}}, {name: c}]`,
      /spec.variants.1.when: the variant "b" is never reached/,
    ],
    [
      'a variant behind all that bits of a wide number can be',
      `${good}variants: [{name: a, when: {msgid: {mask: 0x80000001}}}, {name: b, when: {msgid: {mask: 0x80000001, equals: 0}}}, {name: c}]`,
      /spec.variants.2.when: the variant "c" is never reached/,
    ],
    ['a misspelt key', good.replace('max:', 'maks:'), /spec.frame.maks: there is no "maks" here/],
    ['a missing kind', good.replace(/ {2}kind: .*\n/, ''), /nothing says what kind a message is/],
    [
      'taking a field away from a length',
      good.replace('length: {at: 0, type: u32, counts: all}', 'length: 20 - n'),
      /a field may not be taken away/,
    ],
  ]

  test.each(cases)('%s', (_, spec, reason) => {
    expect(refusal(spec)).toMatch(reason)
  })

  test('the good document itself is accepted', () => {
    expect(compile(good).maxFrame).toBe(65536)
  })

  test('values and bits up to the highest of a number are reached', () => {
    const top = good.replace('{at: 12, type: u32}', '{at: 12, type: u32, mask: 0xff000000}')
    compile(`${top}variants: [{name: a, when: {msgid: 0x81000000}}, {name: b}]`)
    compile(`${good}variants: [{name: a, when: {msgid: {mask: 0xff000000, equals: 0x81000000}}}, {name: b}]`)
    compile(`${good}variants: [{name: a, when: {msgid: {mask: 1}}}, {name: b, when: {msgid: [4, 5]}}, {name: c}]`)
  })

  test('hints name what was probably meant', () => {
    const { issues } = check(good.replace('max:', 'maks:'))
    expect(issues[0]?.hint).toBe('did you mean "max"?')
  })

  test('places are those of the text', () => {
    const [document] = checkProtocols(
      `kind: Protocol\napiVersion: meshgate.io/v1\nmetadata: {name: x}\nspec:\n  frame:\n    length: {at: 0, type: u65, counts: all}\n  message: {kind: request}\n`,
    )
    expect(document?.issues[0]).toMatchObject({ line: 6, column: 27, path: ['spec', 'frame', 'length', 'type'] })
  })

  test('maxFrame has a value even when nobody gives one', () => {
    expect(compile(good.replace(', max: 64KiB', '')).maxFrame).toBe(1024 * 1024)
    expect(compile(good.replace(', max: 64KiB', '').replace('type: u32, counts', 'type: u16, counts')).maxFrame).toBe(
      65535,
    )
  })
})
