import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { testFolder } from '../../test/helpers/folders.ts'
import { loadConfig } from '../config/load.ts'
import { numberedSpec, protocolFiles } from '../config/protocols.ts'
import { World } from '../model/world.ts'
import { CompanionSource } from './companions.ts'
import { FileStore } from './file-store.ts'
import type { SourceSnapshot } from './source.ts'

const protocol = `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: chat}
spec:
  frame: {length: {at: 0, type: u16, counts: all}}
  message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
  fields:
    headLength: {at: 3, type: u16, writable: false}
    head: {at: 5, type: bytes, size: headLength, proto: {file: chat.proto, message: Head}}
    room: {in: head, pb: room.name}
  reply: {error: close}
  connections: [exclusive]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: other}
spec: {hosts: [other.example], ports: [{number: 80, name: http}], resolution: NONE}
`
const head = (number: number) => `syntax = "proto3";\nimport "rooms.proto";\nmessage Head { Room room = ${number}; }\n`
const room = (type: string) => `syntax = "proto3";\nmessage Room { ${type} name = 1; }\n`

it('a .proto file that a Protocol names, or that it imports, changes the Protocol and nothing else', async () => {
  const folder = testFolder('companions')
  const write = (name: string, text: string) => writeFile(join(folder, name), text)
  await write('rooms.proto', room('string'))
  await write('chat.proto', head(3))
  await write('mesh.yaml', protocol)
  const source = new CompanionSource(new FileStore({ paths: folder, debounceMs: 10 }), protocolFiles)
  const snapshots: SourceSnapshot[] = []
  source.onChange((snapshot) => snapshots.push(snapshot))
  let config = loadConfig(await source.start())
  const world = new World()
  world.commit(config.objects)
  const numbers = () =>
    JSON.stringify(numberedSpec(config.objects.get('Protocol/default/chat') as never).fields?.['room'])
  const changed = async (count: number) => {
    await expect.poll(() => snapshots.length).toBe(count)
    config = loadConfig(snapshots.at(-1)!, config)
    return world.commit(config.objects)
  }
  try {
    expect(config.diagnostics).toEqual([])
    expect(numbers()).toContain('[3,1]')
    await write('chat.proto', head(7))
    expect(await changed(1)).toEqual(['Protocol/default/chat'])
    expect(numbers()).toContain('[7,1]')
    await write('rooms.proto', room('bytes'))
    expect(await changed(2)).toEqual(['Protocol/default/chat'])
    await write('chat.proto', 'message Head {')
    await changed(3)
    expect(config.diagnostics.map(({ message }) => message)).toEqual([expect.stringContaining('chat.proto:1')])
    // The last valid version stays in force.
    expect(config.objects.has('Protocol/default/chat')).toBe(true)
    expect(source.snapshot).toBe(snapshots.at(-1))
  } finally {
    await source.stop()
  }
})
