import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { fakeResource } from '../../test/helpers/fake-mesh.ts'
import { StatusBook } from '../status/book.ts'
import type { View } from '../xds/resource.ts'
import { Classes } from './classes.ts'
import { pushRound } from './push-round.ts'

setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc') as () => void

const classes = () => new Classes(new StatusBook(() => 0), 60_000, () => {})

/** A client of the class comes and goes. Nobody but the classes can hold the view then. */
function visit(into: Classes, key: string, now: number): WeakRef<View> {
  const view: View = { key, names: () => [], get: () => undefined }
  into.left(into.of(view), now)
  return new WeakRef(view)
}

async function present(views: readonly WeakRef<View>[]): Promise<readonly boolean[]> {
  // What a weak reference was made of or read as stays for the present turn.
  await turn()
  collect()
  await turn()
  collect()
  return views.map((view) => view.deref() !== undefined)
}

test('what was compiled for a class is kept a minute after its last client, for a proxy that starts anew', async () => {
  const all = classes()
  const views = [visit(all, 'a', 0), visit(all, 'b', 5000)]
  all.tick(59_999)
  expect(await present(views)).toEqual([true, true])
  all.tick(60_000)
  expect(await present(views)).toEqual([false, true])
  all.tick(65_000)
  expect(await present(views)).toEqual([false, false])
})

test('of many classes without clients the last eight are kept', async () => {
  const all = classes()
  const views = Array.from({ length: 10 }, (_, index) => visit(all, `class ${index}`, 0))
  expect(await present(views)).toEqual([false, false, ...Array.from({ length: 8 }, () => true)])
})

test('a class that has clients again counts as new when they leave', async () => {
  const all = classes()
  const first = visit(all, 'a', 0)
  const again = visit(all, 'a', 50_000)
  all.tick(60_000)
  expect(await present([first, again])).toEqual([false, true])
})

test('a class whose last client left while a change was prepared lets go of nothing that its client asked for when it came back', () => {
  const all = classes()
  const forgotten: string[] = []
  const view: View = {
    key: 'a',
    names: () => [],
    get: (type, name) => fakeResource(type, name, '1'),
    forget: (_type, name) => void forgotten.push(name),
    forgetOthers(type, wanted) {
      const others = type === 'cds' && !wanted('c') ? ['c'] : []
      forgotten.push(...others)
      return others
    },
  }
  const log = all.of(view)
  log.of('cds').follow(['c'])
  all.epoch.now++
  const round = pushRound(all, [], false, undefined)
  round.next()
  log.of('cds').unfollow(['c'])
  all.left(log, 0)
  all.of(view).of('cds').follow(['c'])
  while (!round.next().done);
  expect(forgotten).toEqual([])
})

test('of what was compiled for a client that left meanwhile, what does not exist goes, unless somebody else asks for it by now', () => {
  const all = classes()
  const forgotten: string[] = []
  const view: View = {
    key: 'a',
    names: () => [],
    get: (type, name) => (name.startsWith('nobody') ? undefined : fakeResource(type, name, '1')),
    forget: (type, name) => void forgotten.push(`${type} ${name}`),
  }
  const forsake = (type: 'cds' | 'vhds', names: readonly string[]) => {
    for (const _ of all.forsake(view, type, names));
    return forgotten.splice(0)
  }
  expect(forsake('cds', ['nobody', 'c'])).toEqual(['cds nobody'])
  expect(forsake('vhds', ['nobody', 'v'])).toEqual(['vhds nobody', 'vhds v'])
  all.of(view).of('cds').follow(['nobody'])
  expect(forsake('cds', ['nobody', 'nobody-else'])).toEqual(['cds nobody-else'])
})
