import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import { afterAll, describe, expect, it } from 'vitest'
import { checkProtocols } from '../document.ts'
import { decodeFrames } from '../tools/decode.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-'))
afterAll(() => rmSync(folder, { recursive: true }))
mkdirSync(join(folder, 'api'))
writeFileSync(
  join(folder, 'api/rpc.proto'),
  `syntax = "proto3";
package shop.rpc;
import "google/protobuf/timestamp.proto";
message Head {
  string service = 1;
  fixed64 call = 2;
  Route route = 4;
  map<string, string> tags = 6;
  repeated string hops = 7;
  float load = 8;
  map<string, int32> counts = 9;
  enum Kind { UNKNOWN = 0; REQUEST = 1; RESPONSE = 2; }
  Kind kind = 10;
  message Inner { sint64 depth = 3; }
  Inner inner = 11;
  Colour colour = 12;
}
enum Colour { RED = 0; BLUE = 7; }
message Route { uint64 uid = 2; google.protobuf.Timestamp at = 3; }
`,
)

const file = join(folder, 'shop.yaml')
const document = (fields: string, id = '{in: head, pb: call}') => `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: shop}
spec:
  frame:
    length: {at: 0, type: u16, counts: all}
  message:
    kind: {in: head, pb: kind, is: {1: request, 2: response}}
    id: ${id}
  fields:
    headLength: {at: 2, type: u16, writable: false}
    head: {at: 4, type: bytes, size: headLength, proto: {file: api/rpc.proto, message: Head}}
${fields
  .split('\n')
  .map((line) => `    ${line}`)
  .join('\n')}
  reply: {error: close}
  connections: [bound, exclusive]
`
const check = (fields: string, id?: string) => checkProtocols(document(fields, id), file)[0]!
const complaints = (fields: string) =>
  check(fields).issues.map(({ line, message, hint }) => `${line}: ${message}${hint ? ` (${hint})` : ''}`)

describe('fields of a protobuf header by name', () => {
  const fields = `service: {in: head, pb: service}
route: {in: head, pb: route}
uid: {in: route, pb: uid}
at: {in: head, pb: route.at.seconds}
depth: {in: head, pb: inner.depth}
tags: {in: head, pb: tags}
tenant: {in: tags, key: tenant}`

  it('numbers and types come from the .proto file, and what the proxy gets knows nothing of it', () => {
    const { spec, issues } = check(fields)
    expect(issues).toEqual([])
    expect(spec?.fields).toMatchObject({
      service: { in: 'head', pb: [1], type: 'string' },
      route: { pb: [4], type: 'message' },
      uid: { in: 'route', pb: [2], type: 'uint64' },
      at: { pb: [4, 3, 1], type: 'int64' },
      depth: { pb: [11, 3], type: 'sint64' },
      tags: { pb: [6], type: 'map' },
    })
    expect(spec?.message).toMatchObject({ id: { pb: [2], type: 'fixed64' }, kind: { pb: [10], type: 'int32' } })
    expect(JSON.stringify(spec)).not.toContain('proto')
  })

  it('they are read from bytes that protobuf wrote', () => {
    const head = loadSync(join(folder, 'api/rpc.proto'), { keepCase: true })['shop.rpc.Head'] as MessageTypeDefinition<
      object,
      object
    >
    const bytes = head.serialize({
      service: 'cart',
      call: 77,
      kind: 'REQUEST',
      route: { uid: 5, at: { seconds: 1234 } },
      inner: { depth: -3 },
      tags: { tenant: 'blue' },
    })
    const frame = Buffer.concat([Buffer.alloc(4), bytes])
    frame.writeUInt16BE(frame.length, 0)
    frame.writeUInt16BE(bytes.length, 2)
    const [decoded] = decodeFrames(check(fields).codec!, frame).frames
    const value = (name: string) => decoded!.fields.find((field) => field.name === name)?.value
    expect([value('service'), value('uid'), value('at'), value('depth'), value('tenant')]).toEqual([
      'cart',
      5n,
      1234n,
      -3n,
      'blue',
    ])
    expect([decoded!.kind, decoded!.id]).toEqual(['request', 77n])
  })

  it('an enum that stands by itself has its names, and an id at a plain place stays as it is', () => {
    const { spec, codec, issues } = check('colour: {in: head, pb: colour}', '{at: 3, type: u8}')
    expect(issues).toEqual([])
    expect(spec?.message).toMatchObject({ id: { at: 3, type: 'u8' } })
    expect(codec?.fields.find(({ name }) => name === 'colour')?.values).toMatchObject({ BLUE: 7 })
  })

  it('what is wrong is said at its line', () => {
    expect(complaints('x: {in: head, pb: servce}')).toEqual([
      '13: message shop.rpc.Head has no field "servce" (did you mean "service"?)',
    ])
    expect(complaints('x: {in: head, pb: hops}')[0]).toContain('"hops" is repeated')
    expect(complaints('x: {in: head, pb: load}')[0]).toContain('"load" is a float')
    expect(complaints('x: {in: head, pb: counts}')[0]).toContain('"counts" is a map')
    expect(complaints('x: {in: head, pb: service.y}')[0]).toContain('"service" is no single message')
    expect(complaints('b: {at: 4, type: bytes, size: 3}\nx: {in: b, pb: y}')[0]).toContain('"b" has no .proto file')
  })

  it('a file or message that is not there, and files that are none of the document, are refused', () => {
    const of = (proto: string) =>
      checkProtocols(document('a: {in: head, pb: service}').replace(/proto: \{.*?\}/, `proto: ${proto}`), file)[0]!
        .issues
    const text = (proto: string) => of(proto).map(({ line, message }) => `${line}: ${message}`)[0]
    expect(text('{file: api/none.proto, message: Head}')).toMatch(/^12: there is no file .*none\.proto$/)
    expect(text('{file: api/rpc.proto, message: Hed}')).toMatch(
      /^12: there is no message "Hed"; known here: shop\.rpc\.Head,/,
    )
    expect(text('{file: ../rpc.proto, message: Head}')).toContain('must lie in the folder')
    expect(text('{file: /etc/rpc.proto, message: Head}')).toContain('must lie in the folder')
    expect(text('{file: api/rpc.txt, message: Head}')).toContain('no .proto file')
    const nowhere = checkProtocols(document('a: {in: head, pb: service}'))[0]!.issues
    expect(nowhere[0]!.message).toContain('lies in no folder')
  })

  it('a broken .proto file is named with its line', () => {
    writeFileSync(join(folder, 'broken.proto'), 'syntax = "proto3";\nmessage Head {\n  string service = one;\n}\n')
    const { issues } = checkProtocols(
      document('a: {in: head, pb: service}').replace('api/rpc.proto', 'broken.proto'),
      file,
    )[0]!
    expect(issues[0]!.message).toMatch(/broken\.proto:3: /)
  })
})
