import { isScalar, parseAllDocuments, visit } from 'yaml'
import type { Edit } from '../edit.ts'
import type { Path } from '../errors.ts'
import { key, scalar, value } from './generate.ts'
import type { Random } from './random.ts'

/** The library's own reading of a text, our code not involved; undefined when it has errors. Aliases are written out. */
export function readAll(text: string): unknown[] | undefined {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text
  const documents = parseAllDocuments(body, { merge: true, logLevel: 'silent' })
  if (!Array.isArray(documents)) return []
  const list = [...documents]
  if (list.some((document) => document.errors.length > 0)) return undefined
  // A key without text is '' for the library where it stands and 'null' where << brings it: one reading for both, that of where it stands.
  for (const document of list)
    visit(document, {
      Pair(_, { key }) {
        if (isScalar(key) && key.value === null) key.value = ''
      },
    })
  try {
    return list.map((document) => unshared(document.toJS({ maxAliasCount: -1 })))
  } catch {
    return undefined
  }
}

function unshared(at: unknown): unknown {
  if (Array.isArray(at)) return at.map(unshared)
  if (typeof at !== 'object' || at === null) return at
  return Object.fromEntries(Object.entries(at).map(([name, item]) => [name, unshared(item)]))
}

type Bag = Record<string | number, unknown>

/** What an edit means, on plain data: written without a look at the splices. `invalid` when it must be refused. */
export function intended(before: unknown, edit: Edit): { readonly after: unknown } | 'invalid' {
  const box: Bag = { root: structuredClone(before) }
  const { path } = edit
  let holder: Bag = box
  let name: string | number = 'root'
  const full = edit.op === 'append' ? path : path.slice(0, -1)
  const creates = edit.op === 'set' || edit.op === 'insert' || edit.op === 'append'
  if (edit.op === 'set' && path.length === 0) return { after: edit.value }
  if (path.length === 0 && edit.op !== 'append') return 'invalid'
  const steps: Path = edit.op === 'append' ? path : path
  for (const [i, step] of full.entries()) {
    const at = own(holder, name)
    if (at === null || at === undefined) {
      if (!creates) return 'invalid'
      put(holder, name, typeof step === 'number' ? [] : {})
    }
    const now = own(holder, name)
    if (typeof now !== 'object' || now === null) return 'invalid'
    if (
      Array.isArray(now) &&
      (typeof step !== 'number' || step < 0 || step > now.length || (step === now.length && !creates))
    )
      return 'invalid'
    holder = now as Bag
    name = steps[i]!
  }
  let container = own(holder, name)
  const last = edit.op === 'append' ? 0 : path.at(-1)!
  if (container === null || container === undefined) {
    if (!creates) return 'invalid'
    container = typeof last === 'number' ? [] : {}
    put(holder, name, container)
  }
  if (typeof container !== 'object' || container === null) return 'invalid'
  return finish(container as Bag, last, edit) ? { after: box['root'] } : 'invalid'
}

function finish(container: Bag, last: string | number, edit: Edit): boolean {
  if (Array.isArray(container)) {
    if (edit.op === 'append') return container.push(edit.value) > 0
    if (typeof last !== 'number' || last < 0 || edit.op === 'rename') return false
    const limit = edit.op === 'set' || edit.op === 'insert' ? container.length : container.length - 1
    if (last > limit) return false
    if (edit.op === 'set') container[last] = edit.value
    if (edit.op === 'insert') container.splice(last, 0, edit.value)
    if (edit.op === 'delete') container.splice(last, 1)
    if (edit.op === 'move') {
      if (edit.value >= container.length) return false
      container.splice(edit.value, 0, ...container.splice(last, 1))
    }
    return true
  }
  const has = Object.hasOwn(container, last)
  if (edit.op === 'append' || (edit.op === 'insert' && has)) return false
  if (edit.op === 'set' || edit.op === 'insert') {
    put(container, last, edit.value)
    return true
  }
  if (!has) return false
  if (edit.op === 'delete') delete container[last]
  if (edit.op === 'move') return edit.value < Object.keys(container).length
  if (edit.op === 'rename' && edit.value !== String(last)) {
    if (Object.hasOwn(container, edit.value)) return false
    put(container, edit.value, container[last])
    delete container[last]
  }
  return true
}

function own(bag: Bag, name: string | number): unknown {
  return Object.hasOwn(bag, name) ? bag[name] : undefined
}

function put(bag: Bag, name: string | number, item: unknown): void {
  Object.defineProperty(bag, name, { value: item, enumerable: true, configurable: true, writable: true })
}

/** An edit that fits the data most of the time. */
export function randomEdit(random: Random, data: unknown, document: number): Edit {
  const path: (string | number)[] = []
  let at = data
  let parent: unknown
  while (
    typeof at === 'object' &&
    at !== null &&
    Object.keys(at).length > 0 &&
    (path.length === 0 ? random.chance(0.98) : random.chance(0.75))
  ) {
    const names = Object.keys(at)
    const name = random.pick(names)
    path.push(Array.isArray(at) ? Number(name) : name)
    parent = at
    at = (at as Bag)[name]
  }
  const roll = random.unit()
  const put = random.chance(0.5) ? scalar(random) : value(random, 3)
  if (Array.isArray(at) && roll < 0.3)
    return random.chance(0.5)
      ? { document, op: 'append', path, value: put }
      : { document, op: 'insert', path: [...path, random.below(at.length + 1)], value: put }
  if ((at === null || (typeof at === 'object' && !Array.isArray(at))) && roll < 0.3)
    return { document, op: random.chance(0.5) ? 'set' : 'insert', path: [...path, key(random)], value: put }
  if (path.length === 0 || roll < 0.55) return { document, op: 'set', path, value: put }
  if (roll < 0.75) return { document, op: 'delete', path }
  if (Array.isArray(parent)) return { document, op: 'move', path, value: random.below(parent.length) }
  if (roll < 0.8) return { document, op: 'move', path, value: random.below(Object.keys(parent as Bag).length) }
  if (roll < 0.85 && at === null)
    return { document, op: 'set', path: [...path, key(random), 0, key(random)], value: put }
  return { document, op: 'rename', path, value: key(random) }
}
