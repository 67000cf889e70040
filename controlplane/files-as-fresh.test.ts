import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { RESOURCE_TYPES } from '../proto/types.ts'
import { eventually } from '../test/helpers/eventually.ts'
import { everyKind, NODES } from '../test/helpers/every-kind.ts'
import { LiveConfig } from './live-config.ts'
import { createMesh } from './mesh.ts'
import { FileStore } from './sources/file-store.ts'

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'meshgate-as-fresh-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** What a control plane on a folder has: documents with their places, complaints, resources. */
async function onFolder(options: { readonly watching: boolean }) {
  const mesh = createMesh({ withoutDraining: true })
  const times = options.watching ? { debounceMs: 10, graceMs: 30 } : {}
  const config = new LiveConfig(new FileStore({ paths: root, rescanMs: 3_600_000, ...times }), mesh)
  await config.start()
  const said = () => ({
    objects: [...config.objects].map(([key, { spec, labels, annotations, source }]) => {
      const { file, line } = source.locate(['metadata', 'name'])
      return [key, spec, labels, annotations, file, line]
    }),
    complaints: config.diagnostics().map(({ code, file, line, message }) => `${code} ${file}:${line} ${message}`),
    resources: NODES.filter((_, index) => index % 4 === 0).map((node) => {
      const view = mesh.view(node)
      return RESOURCE_TYPES.map((type) => view.names(type).map((name) => [type, name, view.get(type, name)?.version]))
    }),
  })
  return { said, stop: () => config.stop() }
}

test('after any edits, moves and mistakes that were mended, what holds is what a start on the same files finds', async () => {
  const texts = (await everyKind()).map((document) => stringify(document))
  const wrong = (index: number) => [`${texts[index]}spec: {nonsense: [}`, texts[index]!.replace(/name: .*/, 'name: -')]
  const path = fc.constantFrom('a.yaml', 'b.yaml', 'one/a.yaml', 'one/c.yaml', 'two/deep/a.yaml')
  const list = fc.array(fc.nat(texts.length - 1), { maxLength: 6 })
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), path, list }) },
    fc.record({ do: fc.constant('break' as const), path, list, how: fc.nat(1) }),
    fc.record({ do: fc.constant('move' as const), path, to: path }),
    fc.record({ do: fc.constant('delete' as const), path: fc.oneof(path, fc.constantFrom('one', 'two')) }),
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(5, 60) }) },
  )
  const write = (file: string, parts: readonly string[]) => {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), parts.join('---\n'))
  }
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 15 }), async (steps) => {
      rmSync(root, { recursive: true, force: true })
      mkdirSync(root)
      write('mesh.yaml', [texts[0]!])
      write('one/c.yaml', texts.slice(1, 12))
      const live = await onFolder({ watching: true })
      /** What files with mistakes say without them. */
      const meant = new Map<string, readonly string[]>()
      for (const it of steps) {
        if (it.do === 'wait') await sleep(it.ms)
        else if (it.do === 'write') {
          write(
            it.path,
            it.list.map((index) => texts[index]!),
          )
          meant.delete(it.path)
        } else if (it.do === 'break') {
          const good = it.list.map((index) => texts[index]!)
          write(it.path, [...good, wrong(it.list[0] ?? 1)[it.how]!])
          meant.set(it.path, good)
        } else if (it.do === 'move') {
          mkdirSync(dirname(join(root, it.to)), { recursive: true })
          try {
            renameSync(join(root, it.path), join(root, it.to))
          } catch {
            // There is no such file at the moment: nothing to move.
            continue
          }
          const wrongThere = it.path === it.to ? undefined : meant.get(it.path)
          if (it.path !== it.to) {
            meant.delete(it.path)
            meant.delete(it.to)
          }
          if (wrongThere) meant.set(it.to, wrongThere)
        } else {
          rmSync(join(root, it.path), { recursive: true, force: true })
          for (const file of [...meant.keys()]) if (file.startsWith(it.path)) meant.delete(file)
        }
      }
      for (const [file, parts] of meant) write(file, parts)
      const fresh = await onFolder({ watching: false })
      const expected = fresh.said()
      await fresh.stop()
      try {
        await eventually(() => expect(live.said()).toEqual(expected))
      } finally {
        await live.stop()
      }
    }),
    { numRuns: Number(process.env['MESHGATE_WALKS'] ?? 1) * 12 },
  )
}, 120_000)
