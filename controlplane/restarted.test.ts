import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LiveConfig } from './live-config.ts'
import { createMesh } from './mesh.ts'
import type { EarlierContent, EarlierContents } from './sources/index.ts'
import { MemorySource } from './sources/index.ts'

const entry = (name: string, port: number | string = 80) => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.local]
  ports: [{number: ${port}, name: http}]
`
/** Can be read, and is refused. */
const refused = (name: string) => entry(name, 0)
/** Cannot even be read. */
const unreadable = (name: string) => entry(name).replace('hosts: [', 'hosts: [[')
const file = (...documents: readonly string[]) => documents.join('---\n')

type Files = Readonly<Record<string, string>>

/** A folder, its history, and the process that serves it; which may be killed and started again. */
class Folder {
  #files: Files = {}
  readonly #history = new Map<string, { revision: number; text: string | undefined }[]>()
  #revision = 0
  readonly #kept: boolean
  #source!: MemorySource
  config!: LiveConfig
  /** Contents that were read to look back. */
  looked = 0

  constructor({ kept = true } = {}) {
    this.#kept = kept
  }

  readonly #earlier: EarlierContents = function* (this: Folder, name: string): Generator<EarlierContent> {
    for (const { revision, text } of [...(this.#history.get(name) ?? [])].reverse()) {
      if (text === undefined) return
      this.looked++
      yield { revision, bytes: Buffer.from(text) }
    }
  }.bind(this)

  /** One more revision. */
  write(files: Files): void {
    this.#revision++
    for (const name of new Set([...Object.keys(this.#files), ...Object.keys(files)]))
      if (files[name] !== this.#files[name])
        this.#history.set(name, [...(this.#history.get(name) ?? []), { revision: this.#revision, text: files[name] }])
    this.#files = files
    this.#source?.set(files)
  }

  async start(): Promise<void> {
    const earlier = this.#kept ? this.#earlier : undefined
    this.#source = MemorySource.of(this.#files, {}, 0, earlier)
    this.config = new LiveConfig(this.#source, createMesh(), earlier)
    await this.config.start()
  }

  ports(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.config.objects.values()].map(({ name, spec }) => [
        name,
        (spec as { ports: { number: number }[] }).ports[0]!.number,
      ]),
    )
  }

  complaints(): readonly string[] {
    return this.config.documentDiagnostics().map((it) => `${it.file}:${it.line} ${it.code} ${it.message} ${it.hint}`)
  }
}

async function started(files: Files, options?: { kept: boolean }): Promise<Folder> {
  const folder = new Folder(options)
  folder.write(files)
  await folder.start()
  return folder
}

describe('after a restart', () => {
  test.each([
    ['is refused', refused, 'FIELD_VALUE'],
    ['cannot be read', unreadable, 'SOURCE_YAML_SYNTAX'],
  ])(
    'the last valid version of a document that %s is in force, with the complaints of before',
    async (_, broken, code) => {
      const folder = await started({ 'a.yaml': file(entry('a', 81), entry('b', 81)) })
      folder.write({ 'a.yaml': file(entry('a', 82), entry('b', 82)) })
      folder.write({ 'a.yaml': file(entry('a', 83), `# now wrong\n${broken('b')}`) })
      const before = folder.complaints()
      expect(before).toHaveLength(1)
      expect(before[0]).toMatch(
        new RegExp(`^a.yaml:1\\d ${code} .*the last valid version of this document \\(of revision 2\\) stays`),
      )
      expect(folder.ports()).toEqual({ a: 83, b: 82 })
      await folder.start()
      expect(folder.ports()).toEqual({ a: 83, b: 82 })
      expect(folder.complaints()).toEqual(before)
      folder.write({ 'a.yaml': file(entry('a', 84), entry('b', 84)) })
      expect(folder.ports()).toEqual({ a: 84, b: 84 })
      expect(folder.complaints()).toEqual([])
    },
  )

  test.each([refused, unreadable])('a document that never was valid is absent, as before', async (broken) => {
    const folder = await started({ 'a.yaml': file(entry('a'), broken('b')) })
    folder.write({ 'a.yaml': file(entry('a', 81), broken('b')) })
    await folder.start()
    expect(folder.ports()).toEqual({ a: 81 })
  })

  test.each([refused, unreadable])('what was deleted on purpose does not come back, wrong or not', async (broken) => {
    const folder = await started({ 'a.yaml': file(entry('a'), entry('b'), entry('c')), 'gone.yaml': entry('d') })
    folder.write({ 'a.yaml': file(entry('a'), entry('c')) })
    folder.write({ 'a.yaml': file(entry('a'), broken('c')) })
    await folder.start()
    expect(folder.ports()).toEqual({ a: 80, c: 80 })
    // A file that was deleted and comes back is another one.
    folder.write({ 'a.yaml': file(entry('a'), entry('c')), 'gone.yaml': refused('d') })
    await folder.start()
    expect(folder.ports()).toEqual({ a: 80, c: 80 })
  })

  test('a document that got another name and is wrong brings nothing back', async () => {
    const folder = await started({ 'a.yaml': file(entry('a'), entry('b')) })
    folder.write({ 'a.yaml': file(entry('a'), refused('other')) })
    await folder.start()
    expect(folder.ports()).toEqual({ a: 80 })
  })

  test('the version is found behind many that were wrong as well, and when other documents came before it', async () => {
    const folder = await started({ 'a.yaml': entry('a', 81) })
    for (let edit = 0; edit < 50; edit++) folder.write({ 'a.yaml': file(entry('b', edit + 1), entry('a', `x${edit}`)) })
    const before = folder.complaints()
    await folder.start()
    expect(folder.ports()).toEqual({ a: 81, b: 50 })
    expect(folder.complaints()).toEqual(before)
  })

  test('documents keep the namespace that a Mesh document gave them, when that is wrong itself', async () => {
    const mesh = (namespace: string) =>
      `apiVersion: meshgate.io/v1\nkind: Mesh\nspec: {defaultNamespace: ${namespace}}\n`
    const folder = await started({ 'a.yaml': entry('a', 81), 'm.yaml': mesh('one') })
    folder.write({ 'a.yaml': entry('a', 81), 'm.yaml': mesh('A_B') })
    folder.write({ 'a.yaml': refused('a'), 'm.yaml': mesh('A_B') })
    expect([...folder.config.objects.keys()]).toContain('ServiceEntry/one/a')
    await folder.start()
    expect([...folder.config.objects.keys()]).toContain('ServiceEntry/one/a')
  })

  test('a document that is refused, and then cannot be read either, has the version from before both', async () => {
    const folder = await started({ 'a.yaml': entry('a', 81) })
    folder.write({ 'a.yaml': refused('a') })
    folder.write({ 'a.yaml': unreadable('a') })
    await folder.start()
    expect(folder.ports()).toEqual({ a: 81 })
  })

  test('an item of a List in which a key stands twice has the version from before', async () => {
    const item = (name: string, port: number, more = '') =>
      `- apiVersion: networking.istio.io/v1\n  kind: ServiceEntry\n  metadata: {name: ${name}}\n  spec: {hosts: [${name}.local], ports: [{number: ${port}, name: http}]}\n${more}`
    const list = (...items: readonly string[]) => `apiVersion: v1\nkind: List\nitems:\n${items.join('')}`
    const folder = await started({ 'a.yaml': list(item('a', 81), item('b', 81)) })
    folder.write({ 'a.yaml': list(item('a', 82), item('b', 82, '  kind: ServiceEntry\n')) })
    const before = [folder.ports(), folder.complaints()]
    expect(before[0]).toEqual({ a: 82, b: 81 })
    await folder.start()
    expect([folder.ports(), folder.complaints()]).toEqual(before)
  })

  test('a file that is no text any more keeps all of its documents', async () => {
    const folder = await started({ 'a.yaml': file(entry('a'), entry('b')) })
    folder.write({ 'a.yaml': `\0${entry('a')}` })
    await folder.start()
    expect(folder.ports()).toEqual({ a: 80, b: 80 })
  })

  test('without a history a document that is wrong is absent', async () => {
    const folder = await started({ 'a.yaml': file(entry('a'), entry('b')) }, { kept: false })
    folder.write({ 'a.yaml': file(entry('a'), refused('b')) })
    expect(folder.ports()).toEqual({ a: 80, b: 80 })
    expect(folder.complaints()[0]).toContain('Until then the last valid version of this document stays in force.')
    await folder.start()
    expect(folder.ports()).toEqual({ a: 80 })
  })

  test('nothing is looked for where nothing is wrong, and only so far back where something never was valid', async () => {
    const folder = await started({ 'a.yaml': entry('a'), 'b.yaml': entry('b') })
    for (let edit = 0; edit < 1_000; edit++)
      folder.write({ 'a.yaml': file(entry('a', edit + 1), refused('never')), 'b.yaml': entry('b', edit + 1) })
    folder.write({ 'a.yaml': entry('a'), 'b.yaml': entry('b') })
    folder.looked = 0
    await folder.start()
    expect(folder.looked).toBe(0)
    folder.write({ 'a.yaml': file(entry('a'), refused('never')), 'b.yaml': entry('b') })
    folder.looked = 0
    await folder.start()
    // The content before this one is valid as a whole: nothing before it matters.
    expect(folder.looked).toBe(2)
    for (let edit = 0; edit < 1_000; edit++)
      folder.write({ 'a.yaml': file(entry('a', edit + 1), refused('never')), 'b.yaml': entry('b') })
    folder.looked = 0
    await folder.start()
    expect(folder.looked).toBeLessThanOrEqual(200)
    expect(folder.ports()).toEqual({ a: 1_000, b: 80 })
  })
})

test('whatever was edited, a process that starts now has what one has that was never ended', async () => {
  const say = fc.constantFrom(
    (name: string, port: number) => entry(name, port),
    (name: string, port: number) => entry(name, port),
    refused,
    unreadable,
  )
  const document = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), port: fc.integer({ min: 1, max: 99 }), say })
  const text = fc
    .uniqueArray(document, { maxLength: 4, selector: ({ name }) => name })
    .map((documents) => file(...documents.map((it) => it.say(it.name, it.port))))
  const files = fc.record({
    'a.yaml': fc.option(text, { nil: undefined }),
    'b.yaml': fc.option(text, { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(files, { minLength: 2, maxLength: 8 }), async (edits) => {
      const [first, ...later] = edits.map((one) =>
        Object.fromEntries(Object.entries(one).filter(([, it]) => it !== undefined)),
      ) as Files[]
      const folder = await started(first!)
      for (const edit of later) folder.write(edit)
      const before = [folder.ports(), folder.complaints()]
      await folder.start()
      expect([folder.ports(), folder.complaints()]).toEqual(before)
    }),
    { numRuns: Number(process.env['MESHGATE_WALKS'] ?? 1) * 200 },
  )
})
