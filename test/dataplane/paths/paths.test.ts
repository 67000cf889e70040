import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Random, random } from '../../../codecs/mutated.ts'
import { seedFor } from '../../helpers/repeat.ts'
import { holdClock, jump, pass } from './clock.ts'
import { EditedMesh } from './mesh.ts'
import type { World } from './plane.ts'
import { probe } from './probe.ts'
import { spoiled } from './spoil.ts'
import { Subject } from './subject.ts'
import { inForce } from './view.ts'

/** Ways that are tried; `MESHGATE_PATHS=1000` for a long night. */
const WAYS = Number(process.env['MESHGATE_PATHS'] ?? 12)

let release = () => {}
const subjects: Subject[] = []
let folder: string | undefined
afterEach(async () => {
  for (const one of subjects.splice(0)) await one.stop()
  release()
  vi.restoreAllMocks()
  if (folder !== undefined) rmSync(folder, { recursive: true })
  folder = undefined
})

async function started(world: World, cacheFile?: string): Promise<Subject> {
  const one = new Subject(cacheFile)
  subjects.push(one)
  one.plane.world = world
  await one.client.start()
  return one
}

/** What proxies log from now on. */
function listen(): string[] {
  const lines: string[] = []
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      for (const line of String(text).split('\n')) if (line !== '') lines.push(`${stream} ${line}`)
      return true
    })
  return lines
}

/** Lines of the access log since the last time, without what turn it was and when. */
function told(logged: string[]): readonly string[] {
  const lines = logged.splice(0).map((line) => {
    const at = line.indexOf('{')
    if (at < 0) return line
    const { time: _, host, cluster, failure, ...rest } = JSON.parse(line.slice(at))
    return `${line.slice(0, at)}${JSON.stringify({ ...rest, host: host !== undefined })}`
  })
  return lines.sort()
}

/** All is told, and the proxy has been quiet for weeks. */
async function settled(subject: Subject): Promise<void> {
  await subject.settle(() => subject.plane.tellAll())
  expect(subject.plane.told).toBe(true)
  await jump()
  for (const cluster of subject.proxy.clusters.values())
    for (const host of cluster.hosts) Object.assign(host, { errorsInRow: 0, localErrorsInRow: 0, ejections: 0 })
}

/** A proxy that gets to the documents of a mesh by any way. */
async function wander(mesh: EditedMesh, any: Random, file: string): Promise<Subject> {
  let subject = await started(mesh.world(), file)
  const tellSome = () => subject.plane.tellSome(any)
  for (let steps = 3 + any(6); steps > 0; steps--) {
    const draw = any(16)
    if (draw < 7) mesh.edit(1 + any(6), any)
    subject.plane.world = draw === 7 || draw === 8 ? spoiled(mesh.world(), any) : mesh.world()
    if (draw === 9) subject.plane.reconnect()
    if (draw === 10) await probe(subject, [100])
    if (draw === 11) await pass(60 + any(180))
    if (draw === 12) {
      await subject.stop()
      subjects.splice(subjects.indexOf(subject), 1)
      subject = await started(mesh.world(), file)
    }
    if (any(3) === 0) await subject.settle(() => subject.plane.tellAll())
    else {
      tellSome()
      await subject.settle()
    }
  }
  return subject
}

describe('a configuration that came by any way', () => {
  it.for(Array.from({ length: WAYS }, (_, n) => n + 1))(
    'is the same as one that a proxy starts with: way %i',
    async (way, { task }) => {
      const any = random(seedFor(task, 20_261_123) + way * 7919)
      release = await holdClock()
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const logged = listen()
      folder = mkdtempSync(join(tmpdir(), 'paths-'))
      const mesh = new EditedMesh()
      const wandered = await wander(mesh, any, join(folder, 'saved'))
      // Endpoints that left are gone for good only after some time.
      await jump()
      const world = mesh.world()
      wandered.plane.world = world
      await settled(wandered)
      const fresh = await started(world)
      await settled(fresh)
      expect(inForce(wandered)).toEqual(inForce(fresh))
      logged.length = 0
      const wanted = await probe(fresh)
      await jump()
      const wantedLines = told(logged)
      expect(await probe(wandered)).toEqual(wanted)
      await jump()
      expect(told(logged)).toEqual(wantedLines)
      // Where a cluster is at its limit, whose connections are open hangs on who came first.
      const full = ({ proxy }: Subject) =>
        [...proxy.clusters.values()]
          .filter(({ activeConnections, breakers }) => activeConnections >= breakers[0].maxConnections)
          .flatMap(({ hosts }) => hosts.map(({ key }) => key))
      const passed = new Set([...full(wandered), ...full(fresh)])
      const open = ({ upstreams }: Subject) =>
        [...upstreams.open.values()]
          .filter(({ host }) => !passed.has(host))
          .map((one) => JSON.stringify(one))
          .sort()
      expect(open(wandered)).toEqual(open(fresh))
    },
  )
})
